import { execFileSync } from 'node:child_process';

/** The AWS regions for which cfn-lint checks the templates. Each region supports different resource types. */
const REGIONS = ['eu-central-1', 'eu-west-1', 'us-east-1', 'us-west-2', 'ap-southeast-1'];

export const cfnLint = find();

if (!cfnLint)
  process.stderr.write(
    'cfn-lint is not installed, so the templates are not linted; install it with: pip install cfn-lint\n',
  );

/** Runs cfn-lint on template files for several regions, and returns the findings of cfn-lint as text. */
export function lint(command: string, files: readonly string[]): string {
  // W3005: Serverless writes `DependsOn` for resources that are referenced anyway.
  const options = ['--non-zero-exit-code', 'warning', '--ignore-checks', 'W3005', '-r', ...REGIONS, '-t'];
  try {
    // cfn-lint treats a file name as a glob.
    const names = files.map((file) => file.replace(/[[*?]/g, '[$&]'));
    execFileSync(command, [...options, ...names], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

function find(): string | undefined {
  try {
    execFileSync('cfn-lint', ['--version'], { stdio: 'ignore' });
    return 'cfn-lint';
  } catch {
    return undefined;
  }
}
