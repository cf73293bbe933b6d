/** Redocly's opinion of the contract. */
import { runRedocly } from '../generate/bundle.ts';
import type { Finding } from './finding.ts';

interface LintReport {
  readonly problems: readonly {
    readonly ruleId: string;
    readonly message: string;
    readonly location: readonly { readonly source: { readonly ref: string }; readonly pointer?: string }[];
  }[];
}

/** Warnings count: a rule that may be broken is no rule. */
export async function lintContract(): Promise<Finding[]> {
  const args = ['lint', 'spec/contracts/openapi.yaml', '--config', 'scripts/redocly.yaml', '--lint-config', 'error'];
  const run = await runRedocly([...args, '--format', 'json']);
  let report: LintReport;
  try {
    report = JSON.parse(run.stdout) as LintReport;
  } catch {
    const words = run.stderr.replaceAll(/\s+/g, ' ').trim();
    return [{ where: 'spec/contracts/openapi.yaml', message: `cannot be read: ${words}` }];
  }
  return report.problems.map(({ ruleId, message, location }) => ({
    where: `${location[0]?.source.ref ?? 'spec/contracts/openapi.yaml'}${location[0]?.pointer ?? ''}`,
    message: `${message.replaceAll(/\s+/g, ' ')} (rule ${ruleId} of scripts/redocly.yaml)`,
  }));
}
