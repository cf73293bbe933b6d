/** The stations of a morning: each photo is sent when its time has come, whatever became of the others. */
import { setTimeout as delay } from 'node:timers/promises';
import { postPhoto, type StationAnswer } from '../station.ts';
import type { MakePhoto } from './make-photos.ts';
import type { Shot } from './morning.ts';

/** What a station got. */
export interface ShotAnswer {
  readonly shot: Shot;
  /** 0: no whole answer came. */
  readonly status: number;
  /** A picture, whole. */
  readonly isPicture: boolean;
  /** From the connection to the last byte. */
  readonly tookMs: number;
  /** Who made it, and with which link of the chain. */
  readonly providerId: string | undefined;
  readonly linkNo: number;
  /** The station's or the server's words where there is no picture. */
  readonly message: string | undefined;
}

/** Where to send, and whom to tell. */
export interface Sending {
  readonly url: string;
  readonly password: string;
  readonly makePhoto: MakePhoto;
  /** How long a station waits. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onSent: (shot: Shot) => void;
  readonly onAnswer: (answer: ShotAnswer) => void;
}

/** Sends all photos and resolves when the last one is answered. */
export async function sendShots(shots: readonly Shot[], sending: Sending): Promise<ShotAnswer[]> {
  const beganAt = performance.now();
  return Promise.all(
    shots.map(async (shot) => {
      await delay(Math.max(0, shot.atMs - (performance.now() - beganAt)), undefined, { signal: sending.signal });
      const answer = await sendShot(shot, sending);
      sending.onAnswer(answer);
      return answer;
    }),
  );
}

async function sendShot(shot: Shot, sending: Sending): Promise<ShotAnswer> {
  const photo = await sending.makePhoto(shot.no);
  const sentAt = performance.now();
  sending.onSent(shot);
  try {
    const answer = await postPhoto({
      url: `${sending.url}/ingest/${shot.slotId}`,
      password: sending.password,
      photo,
      extraFields: { photo_no: String(shot.no) },
      timeoutMs: sending.timeoutMs,
      signal: sending.signal,
    });
    return read(shot, answer);
  } catch (error) {
    sending.signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    const none = { status: 0, isPicture: false, providerId: undefined, linkNo: 0 };
    return { shot, ...none, tookMs: performance.now() - sentAt, message };
  }
}

function read(shot: Shot, { status, headers, body, timing }: StationAnswer): ShotAnswer {
  const isPicture = status === 200 && headers.get('content-type')?.startsWith('image/') === true && body.length > 0;
  return {
    shot,
    status,
    isPicture,
    tookMs: timing.totalMs ?? 0,
    providerId: headers.get('photochanger-provider'),
    linkNo: Number(headers.get('photochanger-fallback') ?? 0),
    message: isPicture ? undefined : body.toString('utf8', 0, 4_000),
  };
}
