/**
 * A slow reader of JSON, straight from the grammar of RFC 8259 and with the server's further rules, to hold the quick one against.
 * It shares no code with it: not even `JSON.parse`.
 */

/** The value, unless the text is refused. */
export function judgeJson(text: string, depthMax: number): { readonly value: unknown } | 'refused' {
  try {
    const reader = new Reader(text, depthMax);
    const value = reader.value(0);
    reader.end();
    return { value };
  } catch (error) {
    if (error instanceof Refusal) return 'refused';
    throw error;
  }
}

class Refusal extends Error {}

const ESCAPES = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
);

class Reader {
  readonly #characters: readonly string[];
  readonly #depthMax: number;
  #at = 0;

  constructor(text: string, depthMax: number) {
    this.#characters = text.split('');
    this.#depthMax = depthMax;
  }

  value(depth: number): unknown {
    this.#blanks();
    const value = this.#bare(depth);
    this.#blanks();
    return value;
  }

  end(): void {
    if (this.#at < this.#characters.length) throw new Refusal();
  }

  #bare(depth: number): unknown {
    switch (this.#characters[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      default:
        return this.#literal();
    }
  }

  #object(depth: number): unknown {
    const members = new Map<string, unknown>();
    this.#list('}', depth, () => {
      this.#blanks();
      const start = this.#at;
      const name = this.#string();
      if (this.#characters.slice(start, this.#at).includes('\\')) throw new Refusal();
      if (members.has(name) || name === '__proto__') throw new Refusal();
      this.#blanks();
      this.#demand(':');
      members.set(name, this.value(depth));
    });
    return Object.fromEntries(members);
  }

  #array(depth: number): unknown {
    const items: unknown[] = [];
    this.#list(']', depth, () => items.push(this.value(depth)));
    return items;
  }

  #list(closing: string, depth: number, readOne: () => void): void {
    if (depth > this.#depthMax) throw new Refusal();
    this.#at += 1;
    this.#blanks();
    if (this.#characters[this.#at] !== closing) {
      readOne();
      while (this.#characters[this.#at] === ',') {
        this.#at += 1;
        readOne();
      }
    }
    this.#demand(closing);
  }

  #string(): string {
    this.#demand('"');
    let read = '';
    while (this.#characters[this.#at] !== '"') {
      const character = this.#next();
      if (character < ' ') throw new Refusal();
      read += character === '\\' ? this.#escape() : character;
    }
    this.#at += 1;
    if (/[\0\p{Surrogate}]/u.test(read)) throw new Refusal();
    return read;
  }

  #escape(): string {
    const letter = this.#next();
    if (letter !== 'u') return ESCAPES.get(letter) ?? this.#refuse();
    const digits = [this.#next(), this.#next(), this.#next(), this.#next()].join('');
    if (!/^[0-9a-f]{4}$/i.test(digits)) throw new Refusal();
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #literal(): unknown {
    const rest = this.#characters.slice(this.#at).join('');
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(rest)?.[0] ?? this.#refuse();
    this.#at += word.length;
    if (word === 'null') return null;
    if (word === 'true' || word === 'false') return word === 'true';
    const number = Number(word);
    return Math.abs(number) === Number.POSITIVE_INFINITY ? this.#refuse() : number;
  }

  #blanks(): void {
    while (/^[ \t\n\r]$/.test(this.#characters[this.#at] ?? '')) this.#at += 1;
  }

  #demand(character: string): void {
    if (this.#next() !== character) throw new Refusal();
  }

  #next(): string {
    const character = this.#characters[this.#at] ?? this.#refuse();
    this.#at += 1;
    return character;
  }

  #refuse(): never {
    throw new Refusal();
  }
}
