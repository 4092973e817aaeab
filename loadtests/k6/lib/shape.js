// Options from the environment, random choices, and the settings that the scenarios share.

/** Returns a number from the environment. */
export function number(name, fallback) {
  const given = __ENV[name];
  if (given === undefined || given === '') return fallback;
  const value = Number(given);
  if (!Number.isFinite(value)) throw new Error(`${name} must be a number, not ${given}`);
  return value;
}

/** Returns a text from the environment. */
export function text(name, fallback) {
  return __ENV[name] || fallback;
}

/** Returns a random item; all are equally likely. */
export function any(list) {
  return list[Math.floor(Math.random() * list.length)];
}

/** Chooses indices 0..count-1 by Zipf's law: index k with a probability proportional to 1 / (k + 1) ^ exponent. */
export function zipf(count, exponent = number('ZIPF', 1)) {
  const sums = [];
  let sum = 0;
  for (let index = 0; index < count; index++) {
    sum += 1 / Math.pow(index + 1, exponent);
    sums.push(sum);
  }
  return () => {
    const at = Math.random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Chooses a name by weight: `mix({read: 90, write: 10})()`. */
export function mix(weights) {
  const names = Object.keys(weights);
  const total = names.reduce((sum, name) => sum + weights[name], 0);
  return () => {
    let at = Math.random() * total;
    for (const name of names) {
      at -= weights[name];
      if (at < 0) return name;
    }
    return names[names.length - 1];
  };
}

/**
 * Returns an open-loop scenario: requests begin at this rate independent of response times, so that a slow server cannot
 * slow down its measurement. If users run out, the threshold on `dropped_iterations` fails the run.
 */
export function steady(exec, rate, duration, more = {}) {
  /** @type {import('k6/options').ConstantArrivalRateScenario} */
  const scenario = {
    executor: 'constant-arrival-rate',
    exec,
    // k6 requires an integer rate, so a rate below one per second needs a longer unit.
    rate: rate >= 1 ? Math.round(rate) : 1,
    timeUnit: rate >= 1 ? '1s' : `${Math.round(1 / rate)}s`,
    duration,
    preAllocatedVUs: Math.min(Math.max(Math.ceil(rate / 10), 10), number('VUS', 500)),
    maxVUs: number('VUS', 500),
  };
  return Object.assign(scenario, more);
}

/** Returns the thresholds of every open-loop run, and one per route: `{home: 50}` is its p99 in milliseconds. */
export function thresholds(routes, more = {}) {
  const all = {
    http_req_failed: ['rate<0.01'],
    checks: ['rate>0.99'],
    dropped_iterations: ['count<1'],
  };
  for (const route of Object.keys(routes)) {
    all[`http_req_duration{route:${route}}`] = [`p(99)<${number('P99_MS', routes[route])}`];
  }
  return Object.assign(all, more);
}

/** The statistics that the summary shows. */
export const STATS = ['min', 'avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'];
