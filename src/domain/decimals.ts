/** Whether the number is finite and has at most so many digits after the point; as people write it, not as binary stores it. */
export const hasDecimals = (value: number, decimalsMax: number): boolean =>
  Number.isFinite(value) && Number(value.toFixed(decimalsMax)) === value;
