// What JavaScript offers and a plugin should not need: tried, and reported with what came of it. Each attempt is a finding: ok with what
// refused it, critical if it got anything.

export const CHECK = 'inert';
export const NAMES = ['reach', 'clock', 'loop', 'memory', 'throw', 'failure', 'timer', 'fetch', 'print'];

export function findings(name) {
  switch (name) {
    case 'reach':
      return ['process', 'require', 'Deno', 'XMLHttpRequest', 'WebSocket'].map((word) =>
        answer(word, typeof globalThis[word] === 'undefined' ? 'ok' : 'critical', typeof globalThis[word]));
    case 'clock':
      return [answer('clock', 'ok', 'read', { wall: Date.now(), random: Math.random(), uuid: globalThis.crypto?.randomUUID() })];
    case 'loop':
      for (;;);
    case 'memory': {
      const taken = [];
      for (;;) taken.push(new Uint8Array(1 << 20).fill(1));
    }
    case 'throw':
      throw new Error('the moon is wrong');
    case 'failure':
      throw { message: 'the moon is wrong', advice: 'wait' };
    case 'timer':
      setTimeout(() => {}, 10);
      break;
    case 'fetch': // the name is there whatever is switched off; a call of it traps
      fetch('http://127.0.0.1/');
      break;
    case 'print':
      console.log('said on stdout');
      console.error('said on stderr');
  }
  return [answer(name, 'ok', 'came back')];
}

function answer(word, status, summary, facts = {}) {
  const evidence = Object.entries(facts).map(([name, value]) => ({ name, value: String(value) }));
  return { key: `${CHECK}/${word}`, check: CHECK, status, summary, evidence };
}
