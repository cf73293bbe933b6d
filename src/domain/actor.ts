import { PERMISSIONS, type Permission } from './permissions.ts';

/** Who does something, and from where: what the audit log says of every change. */
export interface Actor {
  /** An administrator's name, or `command line`. */
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
