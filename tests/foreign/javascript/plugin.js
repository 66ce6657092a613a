// A plugin in JavaScript: sessions that sit idle in a transaction, which hold locks and keep vacuum from cleaning up.
//
// The three exports of wit/world.wit are functions of this module. What looks (`observe`) calls the host, what judges (`judge`) is a
// pure function from values to a finding.

import { log } from 'pgreeve:plugin/log@0.1.0';
import * as memory from 'pgreeve:plugin/memory@0.1.0';
import { query } from 'pgreeve:plugin/postgres@0.1.0';
import * as probe from './probe.js';

const CHECK = 'idle-in-transaction';
const SETTINGS = {
  type: 'object',
  additionalProperties: false,
  properties: {
    older_than: {
      description: 'Seconds from which on an idle transaction counts.', type: 'number', minimum: 0, default: 60,
    },
    warning: { description: 'So many are a warning.', type: 'integer', minimum: 1, default: 1 },
    critical: { description: 'So many are critical.', type: 'integer', minimum: 1, default: 10 },
    try: { description: 'For tests: what to try instead of looking.', enum: probe.NAMES },
  },
};
const DEFAULTS = { older_than: 60, warning: 1, critical: 10 };

// The text of a query stands for one that the login role may not see: state is NULL then, and is not to be taken for "not idle".
const QUERY = `
SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%' AND state_change <= now() - make_interval(secs => $1)),
       count(*) FILTER (WHERE query = '<insufficient privilege>')
FROM pg_stat_activity WHERE datid IS NOT NULL`;

export function describe() {
  return {
    name: 'idle-javascript',
    version: '0.1.0',
    summary: 'Finds sessions that sit idle in a transaction',
    settingsSchema: JSON.stringify(SETTINGS),
    checks: [
      { id: CHECK, title: 'Idle transactions', help: 'They hold locks and keep vacuum from removing dead rows. Find who forgot to commit.' },
      { id: probe.CHECK, title: 'What WASI gives', help: 'For tests: nothing of the machine is to be had.' },
    ],
    wants: [{ capability: 'postgres', required: true, reason: 'to read pg_stat_activity' }],
    needs: [],
    actions: [],
  };
}

export function checkSettings(text) {
  const { warning, critical } = { ...DEFAULTS, ...JSON.parse(text) };
  return critical < warning ? [{ pointer: '/critical', message: `must not be below warning, which is ${warning}` }] : [];
}

export function run(context) {
  const settings = { ...DEFAULTS, ...JSON.parse(context.settings) };
  if (settings.try) return { findings: probe.findings(settings.try), metrics: [], proposals: [] };
  const databases = context.grants.filter(({ capability }) => capability === 'postgres').flatMap(({ names }) => names);
  const judged = databases.map((database) => judge(database, observe(database, settings.older_than), settings));
  return {
    findings: judged.map(({ finding }) => finding), metrics: judged.flatMap(({ metrics }) => metrics), proposals: [],
  };
}

// The counts now and in the run before, or the error that there was instead. A call that fails throws; what it threw has the contract's
// error as its payload. 64-bit integers are BigInt.
function observe(database, olderThan) {
  try {
    const [[idle, hidden]] = query(database, QUERY, [{ tag: 'float', val: olderThan }]).next(1);
    const before = memory.get(database);
    memory.set(database, new TextEncoder().encode(String(idle.val)));
    log('info', `${database}: ${idle.val} idle in transaction, ${hidden.val} sessions hidden`);
    return { idle: idle.val, hidden: hidden.val, before: before && BigInt(new TextDecoder().decode(before)) };
  } catch (thrown) {
    if (thrown.payload === undefined) throw thrown;
    return { error: thrown.payload };
  }
}

function judge(database, { error, idle, hidden, before }, settings) {
  const finding = { key: `${CHECK}/${database}`, check: CHECK, status: 'unknown', subject: database, evidence: [] };
  if (error) {
    return { finding: { ...finding, reason: reasonOf(error), summary: inWords(error) }, metrics: [] };
  }
  for (const [name, value] of Object.entries({ idle, hidden, before })) {
    if (value !== undefined) finding.evidence.push({ name, value: String(value) });
  }
  finding.summary = `${idle} sessions idle in a transaction for ${settings.older_than} s or longer`;
  if (idle >= settings.critical) {
    finding.status = 'critical';
  } else if (idle >= settings.warning) {
    finding.status = 'warning';
  } else if (hidden === 0n) {
    finding.status = 'ok';
  } else {
    finding.reason = 'no-privilege';
    finding.summary = `${hidden} sessions of other roles cannot be looked at`;
    finding.advice = 'GRANT pg_read_all_stats TO the role that pgreeve logs in as;';
  }
  if (finding.status === 'warning' || finding.status === 'critical') {
    finding.advice = "SELECT pid, usename, state_change, query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%';";
  }
  const labels = [{ name: 'database', value: database }];
  return { finding, metrics: [{ name: 'idle_in_transaction_count', value: Number(idle), unit: 'count', labels }] };
}

// Why an unanswered question makes the answer unknown.
function reasonOf({ tag, val }) {
  if (tag === 'denied' || (tag === 'remote' && val.code === '42501')) return 'no-privilege';
  return tag === 'unreachable' || tag === 'timed-out' ? 'unreachable' : 'failed';
}

// The error in one line.
function inWords({ tag, val }) {
  if (tag === 'remote') return `${val.message} (SQLSTATE ${val.code})`;
  return tag === 'limit-exceeded' ? `the run's limit of ${val} was met` : val;
}
