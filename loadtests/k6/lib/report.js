// The summary that a run prints at its end, and writes to OUT as JSON if OUT is set.

const rounded = (value) => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value);

function trend(metric) {
  if (!metric) return null;
  const values = metric.values;
  return {
    p50: rounded(values.med),
    p90: rounded(values['p(90)']),
    p95: rounded(values['p(95)']),
    p99: rounded(values['p(99)']),
    max: rounded(values.max),
  };
}

/** Returns the `handleSummary` of a scenario. */
export function summary(name) {
  return (data) => {
    const metrics = data.metrics;
    const value = (metric, key) => (metrics[metric] ? metrics[metric].values[key] : undefined) || 0;
    const routes = {};
    const broken = [];
    for (const key of Object.keys(metrics)) {
      const route = /^http_req_duration\{route:(.+)\}$/.exec(key);
      if (route) routes[route[1]] = trend(metrics[key]);
      const limits = metrics[key].thresholds || {};
      for (const limit of Object.keys(limits)) if (!limits[limit].ok) broken.push(`${key}: ${limit}`);
    }
    const result = {
      scenario: name,
      generator: 'k6',
      requests: value('http_reqs', 'count'),
      requestsPerSecond: rounded(value('http_reqs', 'rate')),
      failedRatio: value('http_req_failed', 'rate'),
      dropped: value('dropped_iterations', 'count'),
      checks: { passed: value('checks', 'passes'), failed: value('checks', 'fails') },
      latencyMs: trend(metrics.http_req_duration),
      visibleMs: trend(metrics.visible_ms),
      routes,
      brokenThresholds: broken,
    };
    const files = { stdout: shown(result) };
    if (__ENV.OUT) files[__ENV.OUT] = JSON.stringify(result, null, 2) + '\n';
    return files;
  };
}

function shown(result) {
  const row = (name, t) => (t ? `  ${name.padEnd(12)} p50 ${t.p50}  p95 ${t.p95}  p99 ${t.p99}  max ${t.max} ms\n` : '');
  let out = `\n${result.scenario}: ${result.requests} requests, ${result.requestsPerSecond}/s, `;
  out += `${(100 * result.failedRatio).toFixed(3)} % failed, ${result.dropped} dropped\n`;
  out += row('all', result.latencyMs) + row('visible', result.visibleMs);
  for (const route of Object.keys(result.routes)) out += row(route, result.routes[route]);
  for (const broken of result.brokenThresholds) out += `  THRESHOLD ${broken}\n`;
  // scripts/test reads the last line.
  return `${out}k6 checks: ${result.checks.passed} passed, ${result.checks.failed + result.brokenThresholds.length} failed\n`;
}
