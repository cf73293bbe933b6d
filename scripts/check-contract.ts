/** `npm run check:contract`: every rule about the contract. Prints one line per finding and fails if there is any. */
import type { OpenApiDocument } from '../src/contract/openapi-document.ts';
import { checkErrorCodes } from './check-contract/error-codes.ts';
import { checkExamples } from './check-contract/examples.ts';
import type { Finding } from './check-contract/finding.ts';
import { lintContract } from './check-contract/lint.ts';
import { checkSchemaFiles } from './check-contract/schema-files.ts';
import { checkVersion, readLastRelease, readVersionFile } from './check-contract/version.ts';
import { checkWebhookExamples } from './check-contract/webhooks.ts';
import { findStaleFiles } from './generate/freshness.ts';
import { renderGenerated } from './generate/render.ts';

const findings: Finding[] = [...checkSchemaFiles(), ...(await lintContract())];

// The rest needs a contract that can be read; what is wrong with it is better said by the checks above.
if (findings.length === 0) findings.push(...(await checkRendered()));

for (const { where, message } of findings) process.stdout.write(`${where}: ${message}\n`);
process.stdout.write(findings.length === 0 ? 'The contract is in order.\n' : `${findings.length} findings.\n`);
process.exitCode = findings.length === 0 ? 0 : 1;

async function checkRendered(): Promise<Finding[]> {
  let rendered: ReadonlyMap<string, string>;
  try {
    rendered = await renderGenerated();
  } catch (error) {
    const words = String(error).replaceAll(/\s+/g, ' ');
    return [{ where: 'spec/contracts', message: `nothing can be generated from it: ${words}` }];
  }
  const document = JSON.parse(rendered.get('openapi.json') ?? '') as OpenApiDocument;
  return [
    ...checkExamples(document),
    ...checkWebhookExamples(document),
    ...checkErrorCodes(document),
    ...checkVersion(document, readVersionFile(), readLastRelease()),
    ...findStaleFiles(rendered).map((file) => ({
      where: `generated/${file}`,
      message: 'does not follow from the contract: run "npm run generate".',
    })),
  ];
}
