/** The one place that sets up Ajv; generated validators and the checks of examples must agree on it. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/**
 * JSON Schema 2020-12 with formats, in strict mode: an unknown keyword or format stops the generation instead of being ignored.
 *
 * All errors are collected, because a person who fills in a form wants to see every faulty field at once. What that costs is
 * bounded by the size limits on bodies and headers, and only a limited number of faults is ever reported.
 */
export function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: true,
    allowUnionTypes: true,
    code: { source: true, esm: true, lines: true },
  });
  addFormats.default(ajv);
  return ajv;
}
