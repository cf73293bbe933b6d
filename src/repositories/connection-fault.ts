import { isConnectionFault as isFaultOfPool } from '../db/pool.ts';

/** Whether the database is away, silent or overloaded, as opposed to a fault of the program: the same step may succeed later. */
export const isConnectionFault = (error: unknown): boolean => isFaultOfPool(error);
