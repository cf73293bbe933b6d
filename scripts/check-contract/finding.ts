/** Something wrong with the contract. */
export interface Finding {
  /** The file or the place in the contract. */
  readonly where: string;
  /** What is wrong and what to do, in one line. */
  readonly message: string;
}
