/** A call that passed the checks of its service. */
export interface SimulatedCall {
  readonly prompt: string;
  /** Empty where it could not be fetched. */
  readonly photo: Buffer;
}

/** Lets somebody else direct a simulator, call by call; nothing planned counts then. */
export interface Director<Kind> {
  /** What becomes of a call. */
  direct(call: SimulatedCall): Promise<Kind>;
  /** Told when the picture of a success was wholly handed over. */
  served(call: SimulatedCall): void;
}
