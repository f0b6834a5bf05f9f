// Reports against their JSON schemas, and SARIF against what GitHub takes.
// usage: node validate.mjs sarif|gitlab FILE...
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

// Packages live in the build folder, not beside this file.
const require = createRequire(process.cwd() + '/');
const Ajv = require('ajv');
const Ajv4 = require('ajv-draft-04');
const addFormats = require('ajv-formats');

const [kind, ...files] = process.argv.slice(2);
const schemas = {
  sarif: () => require('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'),
  gitlab: () => JSON.parse(readFileSync(new URL('gitlab.schema.json', import.meta.url))),
};
// SARIF's schema is of draft 4, and its pattern of languages is no regular
// expression with "u".
const options = { strict: false, unicodeRegExp: false };
const ajv = kind === 'sarif' ? new Ajv4(options) : new Ajv(options);
addFormats(ajv);
const validate = ajv.compile(schemas[kind]());

const complaints = [];
const complain = (file, text) => complaints.push(`${file}: ${text}`);

function sarifResult(file, run, r, i) {
  const at = `result ${i}`;
  const rule = run.tool.driver.rules[r.ruleIndex];
  if (!rule || rule.id !== r.ruleId) complain(file, `${at}: ruleIndex is not ruleId's`);
  if (r.locations.length !== 1) complain(file, `${at}: ${r.locations.length} locations`);
  if ([...r.message.text].length > 1024) complain(file, `${at}: message is too long`);
  const ids = new Set((r.relatedLocations ?? []).map((l) => l.id));
  for (const link of r.message.text.matchAll(/(?<!\\)\]\((\d+)\)/g)) {
    if (!ids.has(Number(link[1]))) complain(file, `${at}: link ${link[1]} leads nowhere`);
  }
  const steps = (r.codeFlows ?? []).flatMap((c) => c.threadFlows).flatMap((t) => t.locations);
  const frames = (r.stacks ?? []).flatMap((s) => s.frames);
  if (steps.length > 100 || frames.length > 100) complain(file, `${at}: a stack above 100`);
  const places = [...r.locations, ...(r.relatedLocations ?? []), ...steps.map((s) => s.location)];
  for (const place of places) {
    const uri = place.physicalLocation?.artifactLocation?.uri;
    if (!uri || /^(\/|[a-z]+:)/i.test(uri)) complain(file, `${at}: no relative place: ${uri}`);
  }
}

function sarif(file, text, log) {
  const packed = gzipSync(text).length;
  if (packed > 10_000_000) complain(file, `${packed} bytes compressed`);
  for (const run of log.runs) {
    if (run.results.length > 5000) complain(file, `${run.results.length} results`);
    run.results.forEach((r, i) => sarifResult(file, run, r, i));
    const hashes = run.results.map((r) => r.partialFingerprints.primaryLocationLineHash);
    if (new Set(hashes).size !== hashes.length) complain(file, 'equal fingerprints');
    for (const rule of run.tool.driver.rules) {
      const short = [rule.shortDescription.text, rule.fullDescription.text];
      if (short.some((t) => !t || t.length > 1024)) complain(file, `rule ${rule.id}: text`);
    }
  }
  console.log(`${file}: ${log.runs[0].results.length} results, ${packed} bytes compressed`);
}

function gitlab(file, text, issues) {
  const prints = new Set(issues.map((i) => i.fingerprint));
  if (prints.size !== issues.length) complain(file, 'equal fingerprints');
  console.log(`${file}: ${issues.length} issues`);
}

for (const file of files) {
  const text = readFileSync(file);
  const doc = JSON.parse(text);
  if (!validate(doc)) {
    complain(file, JSON.stringify(validate.errors[0]));
  } else {
    ({ sarif, gitlab })[kind](file, text, doc);
  }
}
for (const c of complaints.slice(0, 20)) console.error(c);
process.exit(complaints.length > 0 ? 1 : 0);
