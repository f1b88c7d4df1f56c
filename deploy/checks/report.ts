/** What one step of `npm test` found, in the form in which steps are added up. */
export interface Report {
  readonly passed: number;
  /** One text each; the first line names what failed. */
  readonly failures: readonly string[];
}

export function passed(count: number): Report {
  return { passed: count, failures: [] };
}

export function failed(...failures: string[]): Report {
  return { passed: 0, failures };
}

export function sum(reports: readonly Report[]): Report {
  return {
    passed: reports.reduce((total, report) => total + report.passed, 0),
    failures: reports.flatMap(({ failures }) => failures),
  };
}
