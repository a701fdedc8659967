// HTTP calls, and their failures in words.

/** What went wrong: `message` for people, `words` the lines of an OperationOutcome, `body` as sent. */
export class Problem extends Error {
  constructor(message, words = [], body = null) {
    super(message);
    this.words = words;
    this.body = body;
  }
}

/** The JSON answer of a call; throws Problem when there is none or it is an error. */
export async function ask(url, options = {}) {
  const answer = await answerOf(url, options);
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(`${where(url)} answered ${answer.status}.`, wordsOf(body), body);
  if (body === null) throw new Problem(`${where(url)} did not answer with JSON.`);
  return body;
}

/** Sends a JSON body. */
export function send(method, url, body, type = "application/json") {
  return ask(url, { method, headers: { "Content-Type": type, Accept: type }, body: JSON.stringify(body) });
}

async function answerOf(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new Problem(`${where(url)} cannot be reached. Is it running, and does it allow calls from this page?`);
  }
}

function where(url) {
  return new URL(url, location.href).host;
}

function wordsOf(body) {
  if (body?.error) return [String(body.error)];
  return (body?.issue ?? []).map((issue) => issue.diagnostics ?? issue.details?.text ?? issue.code);
}
