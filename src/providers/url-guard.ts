/** Where a service may send us. */
export interface UrlRules {
  /** Hosts in lower case: exact names, and `*.name` for everything below a name (not the name itself); or any host. */
  readonly hosts: readonly string[] | 'any';
  /** Origins allowed as they are, whatever their scheme, port and address, such as `http://127.0.0.1:8081`. */
  readonly exceptOrigins?: readonly string[] | undefined;
  /** Whether `http:` on port 80 is as good as `https:`. */
  readonly allowsPlainHttp?: boolean | undefined;
}

/** A URL that may be asked for, or why it may not. The words never repeat the URL, which may carry a signature. */
export type JudgedUrl = { readonly url: URL } | { readonly fault: string };

/** Below the length at which texts of an answer are cut, so that a link that was cut is never asked for. */
const URL_LENGTH_MAX = 4000;

/**
 * Judges a URL that came from outside by its text: the scheme, no user and password, the usual port, a host that is allowed. The
 * host's addresses are judged when the connection is made.
 *
 * @param base what a relative URL, as in a redirect, is relative to.
 */
export function judgeUrl(text: string, rules: UrlRules, base?: URL): JudgedUrl {
  if (text.length > URL_LENGTH_MAX) return { fault: `the link is longer than ${URL_LENGTH_MAX} characters` };
  const url = URL.parse(text, base?.href);
  if (url === null) return { fault: 'the link is no URL' };
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { fault: `the link is a ${url.protocol} URL` };
  if (url.username !== '' || url.password !== '') return { fault: 'the link holds a user or a password' };
  if (rules.exceptOrigins?.includes(url.origin) === true) return { url };
  if (url.protocol === 'http:' && rules.allowsPlainHttp !== true) return { fault: 'the link is not https' };
  if (url.port !== '') return { fault: `the link names the port ${url.port}` };
  if (!isAllowedHost(url.hostname, rules.hosts)) return { fault: `the host ${url.hostname} is not one of the service` };
  return { url };
}

function isAllowedHost(hostname: string, hosts: UrlRules['hosts']): boolean {
  if (hosts === 'any') return true;
  return hosts.some((host) =>
    host.startsWith('*.') ? hostname.length > host.length - 1 && hostname.endsWith(host.slice(1)) : hostname === host,
  );
}
