/** The page's one style sheet, embedded; its hash stands in the content security policy. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); --good: #1a7f37; --fair: #9a6700; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --fair: #d29922; --bad: #f85149; } }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
main { margin-top: 2rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
h1 a { color: inherit; text-decoration: none; }
form { display: flex; flex-wrap: wrap; gap: .5rem; }
label { flex-basis: 100%; }
input { flex: 1 1 16rem; min-width: 0; font: 1rem ui-monospace, monospace; padding: .5rem; border: 1px solid var(--line); border-radius: .3rem; }
.words input { font-family: inherit; }
form + form, .said + form { margin-top: 1rem; }
.said { border-left: 3px solid var(--line); padding-left: 1rem; margin: 1rem 0; }
.said h2 { margin-top: 0; }
.said.error { border: 1px solid var(--bad); padding-left: 1rem; }
.said.error h2 { margin-top: 1rem; }
.reading { opacity: .8; }
.options, .options form { gap: .5rem; }
.options { display: flex; flex-wrap: wrap; }
form.options, .options form + form { margin-top: 0; }
.options button { text-align: left; }
.options button span { display: block; }
.options form, .options form button { flex: 1 1 16rem; }
.options button code { overflow-wrap: anywhere; opacity: .8; }
.keep { display: flex; align-items: baseline; gap: .5rem; margin: 0; flex-basis: 100%; font-size: .9rem; opacity: .8; }
.keep input { flex: none; }
.keep label { flex: 1; }
button { font: inherit; padding: .5rem 1.2rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { overflow-x: auto; margin: .5rem 0; padding: .5rem; border-left: 3px solid var(--line); }
ul.examples { padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 100%; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--line); }
table.answers th, table.answers td { min-width: 5rem; }
tbody tr:has(+ .below) > * { border-bottom: 0; padding-bottom: 0; }
.below td { padding-top: 0; }
.below p { margin: 0; position: sticky; left: 0; max-width: calc(100vw - 2rem); }
.below summary { font-size: .9rem; opacity: .8; }
td.number { font-variant-numeric: tabular-nums; }
summary { cursor: pointer; }
.error { border: 1px solid var(--bad); border-radius: .3rem; padding: 0 1rem; }
.error h2 { margin-top: 1rem; }
.verified, .answered, .empty { color: var(--good); }
.attested, .unproved, .hypothetical, .stale, .cancelled, .skipped, .warning { color: var(--fair); }
.rejected, .refused, .error-outcome, .timeout, .unreachable, .critical { color: var(--bad); }
`;
