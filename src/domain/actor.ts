import { PERMISSIONS, type Permission } from './permissions.ts';

/** Who does something, and from where: what the audit log says of every change. */
export interface Actor {
  /** An administrator's name, `command line` or `the server`. */
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** The client's address; null where there is none (command line, the server itself). */
  readonly address: string | null;
  readonly requestId: string | null;
  /** When the access token that was sent ends; absent where there was none. */
  readonly tokenExpiresAt?: Date;
}

/** Whoever runs commands on the server's own machine; no administrator's name has a space. */
export const COMMAND_LINE: Actor = {
  name: 'command line',
  permissions: PERMISSIONS,
  address: null,
  requestId: null,
};

/** The server, where it changes something by itself. */
export const THE_SERVER: Actor = { name: 'the server', permissions: [], address: null, requestId: null };
