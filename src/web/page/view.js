// The page itself: what is drawn, once per frame, however much has happened.

import { $, button, clock, day, el, low, short, when } from './dom.js';
import { Chat } from './chat.js';
import { List } from './list.js';
import { fill, rows } from './rows.js';

const NEAR = 80;

// Messages around what one reads that are drawn, how many more there may be until those far away are taken out again, and how
// many are added in one frame.
const ROWS = 600;
const SPARE = 300;
const STEP = 50;

// Members of a group that are listed.
const LISTED = 200;

// How long, in milliseconds, a page that nobody sees may take to draw what is new, which is the title.
const UNSEEN = 250;

export class View {
  constructor(chat, act, composer) {
    Object.assign(this, { chat, act, composer, list: new List(chat, act), wanted: new Set(), later: [], bottom: true, from: null, upto: null });
    this.parts = {
      list: () => this.list.draw(), head: () => this.head(), log: () => this.log(), info: () => this.info(), typing: () => this.typing(),
      ready: () => { document.body.dataset.ready = String(Number(document.body.dataset.ready ?? 0) + 1); },
    };
    const log = $('log');
    log.addEventListener('scroll', () => {
      this.bottom = this.isLow() && !this.upto;
      if (!chat.current) return;
      chat.current.reading = !this.bottom;
      if (this.isLow() ? this.upto : log.scrollTop < NEAR) this.mark('log');
    });
    new ResizeObserver(() => this.bottom && this.down()).observe(log);
    document.addEventListener('visibilitychange', () => this.wanted.size && this.ask());
  }

  // Says that a part has to be drawn. That happens before the next frame, with whatever else has changed until then.
  mark(...parts) {
    for (const part of parts) {
      if (part === 'all') this.mark('list', 'head', 'log', 'info', 'typing');
      else this.wanted.add(part);
    }
    if (!this.asked) this.ask();
  }

  ask() {
    clearTimeout(this.asked?.timer);
    cancelAnimationFrame(this.asked?.frame);
    const draw = () => this.draw();
    this.asked = document.visibilityState === 'visible' ? { frame: requestAnimationFrame(draw) } : { timer: setTimeout(draw, UNSEEN) };
  }

  // Draws what has changed. A part that fails keeps no other from being drawn.
  draw() {
    clearTimeout(this.asked?.timer);
    cancelAnimationFrame(this.asked?.frame);
    this.asked = null;
    for (const [part, draw] of Object.entries(this.parts)) {
      if (!this.wanted.delete(part)) continue;
      try {
        draw();
      } catch (error) {
        console.error(part, error);
      }
    }
    this.later.splice(0).forEach((work) => work());
  }

  // Does something once what has changed is drawn.
  then(work) {
    this.later.push(work);
    this.mark('list');
  }

  head() {
    const { chat, composer } = this;
    const { current } = chat;
    $('app').classList.toggle('open', Boolean(current));
    $('title').textContent = current ? Chat.called(current) : 'Parlor';
    $('subtitle').textContent = current ? this.subtitle(current) : 'Choose someone on the left, or create a group or a room.';
    composer.open(current);
    $('composer').hidden = !current || !chat.mayTalk(current);
    composer.show();
    $('b-conv').hidden = !current || current.kind === 'all';
    $('b-search').hidden = chat.guest;
  }

  subtitle(conv) {
    if (conv.kind === 'all') return 'Everyone who is online';
    if (conv.room && conv.mine) return `Room ${conv.title} · ${conv.count ?? 1} of ${conv.limit ?? '?'} here`;
    if (conv.kind === 'group') {
      const info = this.chat.infos.get(low(conv.title));
      if (!conv.mine) return 'You are not in this group';
      return info ? `${info.members} ${info.members === 1 ? 'member' : 'members'}${info.text ? ` · ${info.text}` : ''}` : 'Group';
    }
    const one = this.chat.people.get(conv.title);
    if (one?.online) return one.away ? `Away: ${one.away}` : 'Online';
    return one?.seen ? `Last seen ${when(one.seen)}` : 'Offline';
  }

  // The end of the open conversation, or as much of it as one has scrolled up to.
  log() {
    const { current } = this.chat;
    const log = $('log');
    const key = current?.key ?? '';
    if (log.dataset.key !== key) Object.assign(this, { bottom: true, from: null, upto: null });
    log.dataset.key = key;
    const before = this.bottom ? null : this.anchor();
    rows($('rows'), current ? this.conversation(current) : this.start());
    if (this.bottom) this.down();
    else if (before) log.scrollTop += before.node.offsetTop - before.top;
    if (!current?.messages.length) return;
    if (this.partial) this.mark('log');
    else if (current.messages[0] === this.from && log.scrollTop < NEAR && (!this.bottom || log.scrollHeight <= log.clientHeight)) this.chat.older(current);
  }

  // Goes to the end of the conversation, and stays there while more is said.
  follow() {
    this.bottom = true;
    if (this.upto) this.from = this.upto = null;
    this.mark('log');
  }

  // Whether the last row that is drawn can be seen, or nearly so.
  isLow() {
    const { scrollHeight, scrollTop, clientHeight } = $('log');
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  // The first message that can be seen, so that it can stay where it is.
  anchor() {
    const { scrollTop } = $('log');
    const { children } = $('rows');
    let [from, to] = [0, children.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (children[middle].offsetTop + children[middle].offsetHeight > scrollTop) to = middle;
      else from = middle + 1;
    }
    // Other rows, such as the one that there is more above, stay above what comes.
    while (from < children.length && typeof children[from].rowKey !== 'number') from += 1;
    const node = children[from];
    return node ? { node, top: node.offsetTop } : null;
  }

  // Which messages are drawn: those around what one reads. Many are not drawn all at once, and those far away not for ever.
  range({ messages }) {
    const { length } = messages;
    const place = (message, otherwise) => (message ? Math.max(0, messages.lastIndexOf(message)) : otherwise);
    let [from, end] = [place(this.from, length), this.upto ? place(this.upto, length) + 1 : length];
    const drawn = end - from;
    if (this.bottom) {
      if (drawn > ROWS + SPARE && !this.held()) from = end - ROWS;
      else if (drawn < ROWS) from = Math.max(0, from - STEP, end - ROWS);
    } else {
      if ($('log').scrollTop < NEAR) from = Math.max(0, from - STEP);
      else if (this.isLow()) end = Math.min(length, end + STEP);
      const seen = drawn > ROWS + SPARE && this.anchor();
      if (seen) {
        const at = messages.findIndex(({ key }) => key === seen.node.rowKey);
        [from, end] = [Math.max(from, at - ROWS / 2), Math.min(end, at + ROWS / 2)];
      }
    }
    this.partial = this.bottom && from > 0 && end - from < ROWS;
    [this.from, this.upto] = [messages[from] ?? null, end < length ? messages[end - 1] : null];
    return [from, end];
  }

  // Whether something in the conversation is selected or has the focus.
  held() {
    const selection = document.getSelection();
    const log = $('log');
    return (selection && !selection.isCollapsed && log.contains(selection.anchorNode)) || (log !== document.activeElement && log.contains(document.activeElement));
  }

  // Messages, with a line for each day.
  conversation(conv) {
    const { messages } = conv;
    const wanted = [];
    const [first, end] = this.range(conv);
    const outside = conv.kind === 'group' && !conv.mine;
    if (first === 0 && messages.length && !conv.complete) wanted.push(line('top', this.chat.guest || conv.room ? 'Earlier messages are no longer here.' : conv.loading ? 'Loading…' : 'Scroll up for more'));
    let [date, last] = ['', null];
    for (let n = first; n < end; n += 1) {
      const message = messages[n];
      if (conv.gap && conv.gap.before === message.id) {
        wanted.push(this.gap(conv));
        last = null;
      }
      if (message.date !== date) {
        const today = day(message.at);
        wanted.push({ key: `day ${message.date}`, said: today, make: () => el('p', { class: 'line day' }, el('span', {}, today)) });
        [date, last] = [message.date, null];
      }
      wanted.push(this.row(conv, message, last));
      last = message;
    }
    if (!wanted.length) wanted.push(line('empty', outside ? 'Join the group to talk here.' : 'No messages yet.'));
    if (outside) wanted.push({ key: 'join', said: '', make: () => el('p', { class: 'line' }, button('Join this group', () => this.act.join(conv), { class: 'main' })) });
    else if (!this.chat.mayTalk(conv)) wanted.push(line('announce', 'Only owners and admins of this group talk here.'));
    return wanted;
  }

  // What is there while no conversation is open.
  start() {
    const { motd } = this.chat;
    return motd ? [{ key: 'motd', said: motd, make: () => el('p', { class: 'line pre' }, motd) }] : [];
  }

  down() {
    const log = $('log');
    log.scrollTop = log.scrollHeight;
    this.bottom = true;
  }

  gap(conv) {
    const text = conv.loading ? 'Loading…' : 'Some messages are missing: load them';
    const load = () => {
      this.chat.fill(conv);
      this.mark('log');
    };
    return { key: 'gap', said: text, make: () => el('p', { class: 'line gap', role: 'note' }, button(text, load)) };
  }

  row(conv, message, last) {
    const tight = Boolean(last) && last.note == null && last.from === message.from && message.time - last.time < 300000;
    const said = (tight ? 1 : 0) + (message.deleted ? 2 : 0) + (message.received ? 4 : 0) + (message.read ? 8 : 0);
    return { key: message.key, said, make: () => (message.note == null ? this.bubble(conv, message, tight) : note(message)) };
  }

  bubble(conv, message, tight) {
    const own = low(message.from) === low(this.chat.me);
    const text = message.deleted ? el('em', {}, 'deleted') : message.action ? el('em', {}, `${message.from} ${message.text}`) : message.text;
    const receipt = !own || conv.kind !== 'user' ? null : message.read ? 'read' : message.received ? 'received' : 'stored';
    const marks = { read: '✓✓', received: '✓✓', stored: '✓' };
    return el('article', { class: `msg ${own ? 'own' : ''} ${tight ? 'tight' : ''}`, 'data-id': message.id },
      !own && !tight && conv.kind !== 'user' ? el('span', { class: 'from' }, message.from) : null,
      el('div', { class: 'bubble' },
        el('span', { class: 'text' }, text),
        el('span', { class: 'meta' }, el('time', { datetime: message.at, title: when(message.at) }, clock(message.at)),
          receipt ? el('span', { class: `receipt ${receipt}`, 'aria-label': receipt, title: receipt }, marks[receipt]) : null,
          message.id && !message.deleted ? button('⋯', () => this.act.message(conv, message, own), { class: 'more', 'aria-label': `About this message from ${message.from}` }) : null)));
  }

  typing() {
    const { current } = this.chat;
    const now = Date.now();
    const names = current ? [...current.typing.values()].filter(({ until }) => until > now).map(({ name }) => name) : [];
    const some = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} others` : '');
    $('typing').textContent = names.length ? `${some} ${names.length === 1 ? 'is' : 'are'} typing…` : '';
  }

  // The third column, where it fits.
  info() {
    const { current } = this.chat;
    this.head();
    const box = $('info');
    if (!current || current.kind === 'all') return fill(box);
    if (current.kind === 'group') {
      const info = this.chat.infos.get(low(current.title));
      const about = current.room && current.mine ? `Others can join with the code ${current.title}.` : info?.text;
      return fill(box, el('h3', {}, Chat.called(current)), about ? el('p', {}, about) : null, el('ul', {}, people(this.chat, current, (name) => el('li', {}, name, el('small', {}, ` ${roleOf(info, name)}`)))));
    }
    const one = this.chat.people.get(current.title) ?? {};
    const pair = (title, value) => (value ? [el('dt', {}, title), el('dd', {}, value)] : []);
    return fill(box, el('h3', {}, current.title), el('dl', {},
      pair('Status', one.online ? (one.away ? `away: ${one.away}` : 'online') : 'offline'),
      pair('Online since', one.online && one.since && when(one.since)), pair('Last seen', !one.online && one.seen && when(one.seen))));
  }
}

// An element for each member of a group, as far as a list goes.
export function people(chat, conv, make) {
  const all = [...(chat.members.get(low(conv.title)) ?? [])];
  const list = all.slice(0, LISTED).map(make);
  if (all.length > LISTED) list.push(el('li', {}, `and ${(all.length - LISTED).toLocaleString()} more`));
  return list;
}

const line = (key, text) => ({ key, said: text, make: () => el('p', { class: 'line' }, text) });

const note = ({ note: text }) => el('p', { class: text.includes('\n') ? 'line pre' : 'line' }, text);

export function roleOf(info, name) {
  if (info?.owners.includes(name)) return 'owner';
  return info?.admins.includes(name) ? 'admin' : '';
}
