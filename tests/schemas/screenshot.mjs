// Markdown reports in a browser. usage: BROWSER=PROGRAM node screenshot.mjs FILE...
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// Packages live in the build folder, not beside this file.
const require = createRequire(process.cwd() + '/');
const MarkdownIt = require('markdown-it');
const { chromium } = require('playwright-core');

// HTML is let through, as forges do before they clean it: what is dangerous
// must not even get that far.
const markdown = new MarkdownIt({ html: true, linkify: true });
const usual = markdown.renderer.rules.fence;
markdown.renderer.rules.fence = (tokens, i, options, env, self) =>
  tokens[i].info === 'mermaid'
    ? `<pre class="mermaid">${markdown.utils.escapeHtml(tokens[i].content)}</pre>`
    : usual(tokens, i, options, env, self);

// The looks of a pull request's comment, roughly.
const style = `
  body { font: 14px/1.5 sans-serif; margin: 24px; width: 900px; color: #1f2328; }
  table { border-collapse: collapse; display: block; overflow: auto; margin-bottom: 16px; }
  th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
  tr:nth-child(2n) { background: #f6f8fa; }
  code { background: #eff1f3; padding: .2em .4em; border-radius: 6px; font-size: 85%; }
  pre:not(.mermaid) { background: #f6f8fa; padding: 16px; overflow: auto; }
  pre code { background: none; padding: 0; }`;

const library = require.resolve('mermaid').replace(/mermaid\.core\.mjs$/, 'mermaid.min.js');
const browser = await chromium.launch({
  executablePath: process.env.BROWSER,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});

let complaints = 0;
const complain = (file, text) => {
  console.error(`${file}: ${text}`);
  complaints++;
};

async function show(file) {
  const source = readFileSync(file, 'utf8');
  const page = await browser.newPage({ viewport: { width: 960, height: 800 } });
  page.on('request', (r) => {
    if (!/^(about|data|blob):/.test(r.url())) complain(file, `asks for ${r.url()}`);
  });
  await page.setContent(`<meta charset="utf-8"><style>${style}</style>${markdown.render(source)}`);
  await page.addScriptTag({ path: library });
  const failed = await page.evaluate(async () => {
    window.mermaid.initialize({ startOnLoad: false });
    try {
      await window.mermaid.run({ querySelector: '.mermaid' });
      return '';
    } catch (e) {
      return String(e.message ?? e);
    }
  });
  if (failed) complain(file, `mermaid: ${failed}`);
  const seen = await page.evaluate(() => ({
    title: document.querySelector('h3')?.textContent ?? '',
    rows: document.querySelector('table')?.rows.length ?? 0,
    cells: [...(document.querySelector('table')?.rows ?? [])].map((r) => r.cells.length),
    charts: document.querySelectorAll('.mermaid svg').length,
    wanted: document.querySelectorAll('.mermaid').length,
    foreign: document.querySelectorAll('a, b, img, script:not([src]), iframe').length,
    folds: document.querySelectorAll('details').length,
  }));
  const folds = source.split('\n').filter((l) => l.startsWith('<details')).length;
  if (!/^(LEAK|GROWTH|CLEAN|INCONCLUSIVE): /.test(seen.title)) complain(file, `title "${seen.title}"`);
  if (new Set(seen.cells).size !== 1) complain(file, `rows of ${seen.cells} cells`);
  if (seen.charts !== seen.wanted || seen.charts === 0) complain(file, `${seen.charts} charts of ${seen.wanted}`);
  if (seen.folds !== folds) complain(file, `${seen.folds} folds of ${folds}`);
  const own = await page.evaluate(() => [...document.querySelectorAll('script')].length);
  if (seen.foreign > own) complain(file, 'a link, picture or script that is not ours');
  writeFileSync(`${file}.png`, await page.screenshot({ fullPage: true }));
  await page.evaluate(() => document.querySelectorAll('details').forEach((d, i) => { d.open = i < 1; }));
  writeFileSync(`${file}.open.png`, await page.screenshot({ fullPage: true }));
  console.log(`${file}: ${seen.rows - 1} rows, ${seen.charts} charts, ${seen.folds} folds`);
  await page.close();
}

try {
  for (const file of process.argv.slice(2)) await show(file);
} finally {
  await browser.close();
}
process.exit(complaints > 0 ? 1 : 0);
