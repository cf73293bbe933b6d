/** The 15 fixed slots. They are seeded once and never created or deleted. */
export const SLOT_COUNT = 15;

/** Every slot id, `slot-001` … `slot-015`. */
export const SLOT_IDS: readonly string[] = Array.from(
  { length: SLOT_COUNT },
  (_, index) => `slot-${String(index + 1).padStart(3, '0')}`,
);

const KNOWN = new Set(SLOT_IDS);

/** Whether the id names one of the fixed slots. */
export const isSlotId = (id: string): boolean => KNOWN.has(id);
