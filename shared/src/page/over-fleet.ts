/**
 * What the page shows of a fleet's answer beside the answers of the sites: values over the fleet with their bounds, the rows of a
 * join, and, apart, what was not merged. Worded as in the terminal (render-fleet.ts).
 */
import type { Answer, FleetResult } from '../api/ask.ts';
import { PAGE_ANSWERS } from '../limits.ts';
import { renderProof, timeText, valueText } from '../render.ts';
import { foundText, groupText, namesText } from '../render-fleet.ts';
import { type Html, html } from './html.ts';

export function renderOverFleet(result: FleetResult): Html {
  const { kind, groups, variables } = result;
  const found = kind === 'fold' ? '' : foundText(result);
  const rows = groups.map(
    (
      group,
    ) => html`<tr><th scope="row">${group.group ?? (groups.length === 1 ? 'Fleet' : 'without the label')}</th>
<td>${kind === 'fold' ? groupText(group) : group.bound}</td><td class="number">${group.sites.length}</td>
<td class="${group.standing ?? ''}">${group.standing}</td><td>${namesText(group.unknownSites)}</td></tr>\n`,
  );
  return html`${found === '' ? null : html`<p>${found}</p>`}
${groups.length === 0 ? null : tableOf(['Group', kind === 'fold' ? (variables[0] ?? '') : 'Ranks', 'Sites', 'Standing', 'Unknown'], rows)}
${renderJoin(result)}`;
}

/** What is no part of the answer, each with the reason. */
export function renderApart({ bundles, stale, lastKnown, variables }: FleetResult): Html {
  const others = bundles.filter(({ own }) => !own);
  return html`${others.map(
    ({ bundle, known, sites, answers }) =>
      html`<h3>Other rules (<code>${bundle.slice(0, 8)}</code>), not merged: ${namesText(sites)}</h3>${known ? answersOf(answers, variables) : null}`,
  )}
${stale.length === 0 ? null : html`<h3>Stale, not merged</h3>${answersOf(stale, variables)}`}
${lastKnown.map(
  ({ site, at, answers }) =>
    html`<h3>Last known of ${site}, ${timeText(at)}, not part of the answer</h3>${answersOf(answers, variables)}`,
)}`;
}

function renderJoin({ join, variables }: FleetResult): Html | null {
  if (join === null || join.rows.length === 0) return null;
  const rows = join.rows.slice(0, PAGE_ANSWERS).map(({ bindings, standing, rests }) => {
    const answers = rests.flatMap(({ part, answer }) => join.parts[part]?.answers[answer] ?? []);
    const sites = answers.map(({ site }) => site).join(', ');
    return html`<tr>${cells(variables, bindings)}<td class="${standing}">${standing}</td><td>${sites}</td></tr>${renderProofs(answers, variables.length + 2)}\n`;
  });
  return tableOf([...variables, 'Standing', 'Rests on'], rows);
}

/** What is below an answer, or a row of a join: closed, and as wide as the table, so that the columns stay where they are when it opens. */
export function renderProofs(answers: readonly Answer[], columns: number): Html | null {
  const proved = answers.flatMap(({ site, proof }) => (proof === null ? [] : [{ site, proof }]));
  if (proved.length === 0) return null;
  const named = proved.length > 1;
  const proofs = proved.map(
    ({ site, proof }) => html`${named ? html`${site}` : null}<pre>${renderProof(proof)}</pre>`,
  );
  return html`<tr class="below"><td colspan="${columns}"><details><summary>${named ? 'Proofs' : 'Proof'}</summary>${proofs}</details></td></tr>`;
}

function answersOf(answers: readonly Answer[], variables: readonly string[]): Html {
  const rows = answers
    .slice(0, PAGE_ANSWERS)
    .map(
      ({ site, bindings, standing }) =>
        html`<tr><th scope="row">${site}</th>${cells(variables, bindings)}<td class="${standing}">${standing}</td></tr>\n`,
    );
  return tableOf(['Site', ...variables, 'Standing'], rows);
}

const cells = (variables: readonly string[], bindings: Answer['bindings']): Html[] =>
  variables.map((name) => html`<td>${valueText(bindings[name] ?? '')}</td>`);

function tableOf(head: readonly string[], rows: readonly Html[]): Html {
  return html`<div class="scroll"><table><thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>
${rows}</tbody></table></div>\n`;
}
