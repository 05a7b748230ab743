// The lines that were sent. Each has a tag, which comes back with whatever answers it; so what answers which line is known,
// also after the connection was lost.

import { bytes, random } from './dom.js';

// What the server takes as one line, until it has said something else.
const LIMIT = 4096;

export class Lines {
  // `put(text)` sends a text, and says whether it could; `passed(line)` is told of a message that is not answered.
  constructor(put, passed) {
    Object.assign(this, { put, passed, limit: LIMIT, count: 0, open: new Map(), lost: new Map() });
    // Other pages of the same user have tags of their own.
    this.start = random(8);
  }

  // A line that is not sent yet. `more` is what its sender wants to remember of it, and may hold `done(event)`, called with
  // the first answer, and `failed(text, code)`, called when it is refused.
  make(words, more = {}) {
    this.count += 1;
    return { ...more, words, tag: `${this.start}-${this.count}` };
  }

  // Sends a line, and says whether it could.
  post(line) {
    if (!this.put(`/tag ${line.tag} ${line.words}`)) return false;
    this.open.set(line.tag, line);
    return true;
  }

  // How many bytes a line has more than the server takes.
  excess({ tag, words }) {
    return bytes(`/tag ${tag} ${words}\n`) - this.limit;
  }

  // The line that an event answers. Answers come in the order of the lines, so those before it are answered, too.
  answered({ tag }) {
    const line = this.open.get(tag);
    if (!line) return null;
    for (const [earlier, other] of this.open) {
      if (earlier === tag) break;
      this.open.delete(earlier);
      if (other.message) this.passed(other);
    }
    return line;
  }

  // The line of ours with which a message was sent, once.
  take(tag) {
    const line = this.open.get(tag) ?? this.lost.get(tag);
    this.open.delete(tag);
    this.lost.delete(tag);
    return line;
  }

  // The connection is lost: what was typed may have arrived or not, and nothing else is answered any more.
  breakOff() {
    const open = [...this.open.values()];
    this.open.clear();
    for (const line of open) {
      if (line.conv) this.lost.set(line.tag, line);
      else if (!line.quiet) line.failed?.('The connection was lost.');
    }
  }
}
