/** A whole answer, ready to send. */
export interface PreparedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** An answer that never ends: its beginning, then `piece` again and again. */
export interface EndlessAnswer {
  readonly head: PreparedAnswer;
  readonly piece: Buffer;
}
