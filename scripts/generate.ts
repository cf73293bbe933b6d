/** `npm run generate`: renders `generated/` from the contract. Safe to repeat; files that stay the same are not touched. */
import { writeGenerated } from './generate/freshness.ts';
import { renderGenerated } from './generate/render.ts';

const touched = writeGenerated(await renderGenerated());
process.stdout.write(
  touched.length === 0 ? 'generated/ is up to date\n' : touched.map((file) => `generated/${file}\n`).join(''),
);
