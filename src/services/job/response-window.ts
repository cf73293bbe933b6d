import { windowLeftMs } from '../../domain/deadlines.ts';

/**
 * The time a request may be held, counted on the process's monotonic clock from the moment the request arrived.
 */
export interface ResponseWindow {
  readonly windowMs: number;
  /** Aborted when the window closes. */
  readonly closed: AbortSignal;
  elapsedMs(): number;
  leftMs(): number;
  /** Stops the timer. */
  end(): void;
}

/** Opens the window of a request that arrived at `arrivedAt` (`performance.now()`). */
export function openResponseWindow(arrivedAt: number, windowMs: number): ResponseWindow {
  const controller = new AbortController();
  const elapsedMs = () => performance.now() - arrivedAt;
  const leftMs = () => windowLeftMs(windowMs, elapsedMs());
  const timer = setTimeout(() => controller.abort(), leftMs());
  return { windowMs, closed: controller.signal, elapsedMs, leftMs, end: () => clearTimeout(timer) };
}
