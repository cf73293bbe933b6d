/** What an operation cannot do with this picture or these settings, in words for an administrator. Never worth a retry. */
export class StudioFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StudioFault';
  }
}
