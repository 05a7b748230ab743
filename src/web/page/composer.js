// The box in which one writes: one text for each conversation. What was sent stays in the box until the server has taken it,
// so that whatever is refused is still there, with the reason beside it.

import { $ } from './dom.js';

export class Composer {
  constructor(chat) {
    Object.assign(this, { chat, box: $('text'), boxes: new Map(), conv: null, composing: false, later: [] });
    this.box.addEventListener('input', () => this.edited());
    // Changing the text would end what an input method is about to compose.
    this.box.addEventListener('compositionstart', () => { this.composing = true; });
    this.box.addEventListener('compositionend', () => {
      this.composing = false;
      this.later.splice(0).forEach((work) => work());
    });
  }

  // What is written in a conversation: the text, the beginning of it that is on its way, and why something was refused.
  of({ key }) {
    let one = this.boxes.get(key);
    if (!one) this.boxes.set(key, one = { text: '', sent: [], back: [], why: '' });
    if (this.conv?.key === key) one.text = this.box.value;
    return one;
  }

  // Shows what is written in this conversation.
  open(conv) {
    if (conv?.key === this.conv?.key) return;
    if (this.conv) this.of(this.conv);
    this.conv = conv;
    if (conv) this.box.value = this.boxes.get(conv.key)?.text ?? '';
    this.show();
  }

  reset() {
    this.boxes.clear();
    this.conv = null;
    this.box.value = '';
    this.show();
  }

  // Sends what is in the box and not on its way yet. Says whether it did.
  submit() {
    const one = this.of(this.conv);
    const text = one.text.slice(this.end(one));
    const { line, why } = this.chat.say(this.conv, text);
    if (!line && !why) return false;
    one.why = why ?? '';
    if (line) one.sent.push({ line, text });
    this.show();
    return Boolean(line);
  }

  // Where what is on its way ends.
  end({ text, sent }, count = sent.length) {
    return sent.slice(0, count).reduce((at, one) => {
      const found = text.indexOf(one.text, at);
      return found < 0 ? at : found + one.text.length;
    }, 0);
  }

  edited() {
    if (!this.conv) return;
    this.of(this.conv).why = '';
    this.show();
  }

  // The server has taken a line of ours: it leaves the box.
  accepted(line) {
    const { conv } = line;
    if (this.composing && conv.key === this.conv?.key) return this.later.push(() => this.accepted(line));
    const one = this.of(conv);
    // One that was given up may arrive after all.
    const list = one.sent.some((sent) => sent.line === line) ? one.sent : one.back;
    const at = list.findIndex((sent) => sent.line === line);
    if (at < 0) return;
    const [{ text }] = list.splice(at, 1);
    const start = one.text.indexOf(text, list === one.sent ? this.end(one, at) : 0);
    if (list === one.back) one.why = '';
    if (start >= 0) this.write(conv, one, one.text.slice(0, start) + one.text.slice(start + text.length), start, text.length);
    if (!one.text) one.why = '';
    this.show();
  }

  // A line of ours was refused: it stays in the box, and is no longer on its way.
  refused(line, why) {
    const one = this.of(line.conv);
    one.back = [...one.back, ...one.sent.filter((sent) => sent.line === line)].slice(-5);
    one.sent = one.sent.filter((sent) => sent.line !== line);
    one.why = why;
    this.show();
  }

  // Changes a text that somebody may be writing on.
  write(conv, one, text, at, less) {
    one.text = text;
    if (conv.key !== this.conv?.key) return;
    const { selectionStart, selectionEnd } = this.box;
    const moved = (place) => Math.max(Math.min(place, at), place - less);
    this.box.value = text;
    this.box.setSelectionRange(moved(selectionStart), moved(selectionEnd));
  }

  show() {
    const one = this.conv && this.of(this.conv);
    const { hidden } = $('composer');
    // What can no longer be sent can still be read and copied.
    const unsent = one?.why && hidden && one.text.trim() ? ` “${one.text.trim()}”` : '';
    $('refused').textContent = one?.why ? one.why + unsent : '';
    $('composer').classList.toggle('sending', Boolean(one?.sent.length));
    this.box.setAttribute('aria-invalid', String(Boolean(one?.why)));
    this.box.rows = Math.min(6, this.box.value.split('\n').length);
  }
}
