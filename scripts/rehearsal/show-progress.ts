import type { ShotAnswer } from './send-shots.ts';

/** A morning that goes on. */
export interface Progress {
  sent(): void;
  answered(answer: ShotAnswer): void;
  /** Says the last line and stops. */
  end(): void;
}

const EVERY_MS = 5_000;

/** Says every five seconds how far the morning has come. */
export function showProgress(morning: {
  readonly name: string;
  readonly photos: number;
  readonly callCount: () => number;
  readonly say: (line: string) => void;
}): Progress {
  const beganAt = performance.now();
  let sent = 0;
  let pictures = 0;
  let others = 0;
  const tell = () => {
    const elapsed = `${Math.round((performance.now() - beganAt) / 1000)} s`.padStart(5);
    const waiting = sent - pictures - others;
    morning.say(
      `${morning.name}: ${elapsed}  ${sent} of ${morning.photos} sent, ${pictures} pictures, ${others} without, ` +
        `${waiting} waiting, ${morning.callCount()} calls`,
    );
  };
  const timer = setInterval(tell, EVERY_MS);
  return {
    sent: () => {
      sent += 1;
    },
    answered: ({ isPicture }) => {
      if (isPicture) pictures += 1;
      else others += 1;
    },
    end: () => {
      clearInterval(timer);
      tell();
    },
  };
}
