/** What an administrator may be allowed to do. The contract names one of them for each operation that is not public. */
export const PERMISSIONS = ['settings:read', 'settings:write', 'slots:write', 'stats:read'] as const;

/** One permission. */
export type Permission = (typeof PERMISSIONS)[number];

/**
 * Who may call an operation: everybody, whoever has a valid token, whoever has a token with this permission, or whoever has the
 * token of the metrics.
 */
export type Access = 'public' | 'any_administrator' | 'metrics' | Permission;

/** Whether the text names a permission. */
export const isPermission = (text: string): text is Permission => (PERMISSIONS as readonly string[]).includes(text);

/** Whether what was granted covers what is needed; who may write settings may also read them. */
export const grants = (granted: readonly Permission[], needed: Permission): boolean =>
  granted.includes(needed) || (needed === 'settings:read' && granted.includes('settings:write'));
