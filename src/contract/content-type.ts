/** Whether bodies of this type are JSON values rather than bytes or form fields. */
export function isJsonType(contentType: string): boolean {
  return contentType === 'application/json' || contentType.endsWith('+json');
}

/** `Image/JPEG; q=1` → `image/jpeg`. Header parameters are dropped (RFC 9110, section 8.3.1). */
export function withoutParameters(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
