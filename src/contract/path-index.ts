/**
 * Finds an operation by method and path without a regular expression per operation.
 *
 * The paths form a tree of segments. At each segment the literal child is tried before the template child, and a node counts
 * as found as soon as *some* method lives there: a path that has only other methods is 405 and never falls through to a
 * template beside it (OpenAPI 3.1, "Path Templating Matching": concrete paths come first).
 */

/** What lives at one path: the operations by method, and the same with `HEAD` where there is a `GET`. */
export interface PathEntry<T> {
  readonly byMethod: ReadonlyMap<string, { readonly operation: T; readonly paramNames: readonly string[] }>;
  /** For `Allow`: sorted, with `HEAD` wherever there is `GET`. */
  readonly allow: readonly string[];
}

/** A path that exists, with what filled its template. */
export interface PathMatch<T> {
  readonly entry: PathEntry<T>;
  /** The raw (still percent-encoded) segments that filled the template, from left to right. */
  readonly values: readonly string[];
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  template: Node<T> | undefined;
  readonly methods: Map<string, { operation: T; paramNames: readonly string[] }>;
  entry: PathEntry<T> | undefined;
}

const NO_VALUES: readonly string[] = Object.freeze([]);

/** Operations by path. Built once, then only read. */
export class PathIndex<T extends { readonly method: string; readonly path: string }> {
  readonly #root: Node<T> = makeNode();
  readonly #literalPaths = new Map<string, PathMatch<T>>();

  /** @throws Error when a path is not made of whole literal or whole template segments, or is there twice. */
  constructor(operations: readonly T[]) {
    for (const operation of operations) this.#add(operation);
  }

  /**
   * @param path without the query string, still percent-encoded. One trailing slash is ignored; any other empty segment is
   * a segment of its own and matches nothing.
   */
  find(path: string): PathMatch<T> | undefined {
    const direct = this.#literalPaths.get(path);
    if (direct !== undefined) return direct;
    const segments = path.split('/');
    if (segments[0] !== '') return undefined;
    if (segments.length > 2 && segments[segments.length - 1] === '') segments.pop();
    const values: string[] = [];
    const entry = walk(this.#root, segments, 1, values);
    return entry && { entry, values };
  }

  #add(operation: T): void {
    const { method, path } = operation;
    if (!path.startsWith('/')) throw new Error(`The path ${path} does not begin with a slash.`);
    const paramNames: string[] = [];
    let node = this.#root;
    for (const segment of path.split('/').slice(1)) {
      const name = /^\{([^{}]+)\}$/.exec(segment)?.[1];
      if (name === undefined && /[{}]/.test(segment))
        throw new Error(`The path ${path} has a segment that is only partly a template.`);
      if (name === undefined) {
        node = getOrMake(node.literals, segment);
      } else {
        paramNames.push(name);
        node = node.template ??= makeNode();
      }
    }
    if (node.methods.has(method)) throw new Error(`The contract has two operations at ${method} ${path}.`);
    node.methods.set(method, { operation, paramNames });
    node.entry = makeEntry(node);
    if (paramNames.length === 0) this.#literalPaths.set(path, { entry: node.entry, values: NO_VALUES });
  }
}

function walk<T>(node: Node<T>, segments: readonly string[], at: number, values: string[]): PathEntry<T> | undefined {
  if (at === segments.length) return node.entry;
  const segment = segments[at] as string;
  const literal = node.literals.get(segment);
  if (literal !== undefined) {
    const found = walk(literal, segments, at + 1, values);
    if (found !== undefined) return found;
  }
  if (node.template === undefined || segment === '') return undefined;
  values.push(segment);
  const found = walk(node.template, segments, at + 1, values);
  if (found === undefined) values.pop();
  return found;
}

function makeNode<T>(): Node<T> {
  return { literals: new Map(), template: undefined, methods: new Map(), entry: undefined };
}

function makeEntry<T>(node: Node<T>): PathEntry<T> {
  const byMethod = new Map(node.methods);
  const get = byMethod.get('GET');
  if (get !== undefined && !byMethod.has('HEAD')) byMethod.set('HEAD', get);
  return { byMethod, allow: Object.freeze([...byMethod.keys()].sort()) };
}

function getOrMake<T>(children: Map<string, Node<T>>, key: string): Node<T> {
  const present = children.get(key);
  if (present !== undefined) return present;
  const made = makeNode<T>();
  children.set(key, made);
  return made;
}
