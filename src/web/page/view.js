// The view: the list of conversations, the open one, and details about it.

import { $, button, clock, day, el, short, when } from './dom.js';
import { Chat } from './chat.js';

const NEAR = 80;

export class View {
  constructor(chat, act) {
    Object.assign(this, { chat, act, nodes: new WeakMap(), entries: new Map() });
    const log = $('log');
    log.addEventListener('scroll', () => {
      this.bottom = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
      if (log.scrollTop < NEAR && chat.current) chat.older(chat.current);
    });
    new ResizeObserver(() => this.bottom && this.down()).observe(log);
  }

  all() {
    this.list();
    this.head();
    this.log();
    this.info();
    this.typing();
  }

  unread() {
    let sum = 0;
    for (const conv of this.chat.convs.values()) sum += conv.unread;
    document.title = `${sum ? `(${sum}) ` : ''}${this.chat.current ? `${Chat.called(this.chat.current)} – ` : ''}Parlor`;
  }

  // Everyone who is online or was talked to, and all groups; unread conversations come first.
  list() {
    const { chat } = this;
    const filter = $('filter').value.trim().toLowerCase();
    const fits = ({ title, topic }) => `${title} ${topic ?? ''}`.toLowerCase().includes(filter);
    const people = new Map();
    for (const { name } of chat.people.values()) people.set(`@${name.toLowerCase()}`, { key: `@${name}`, title: name });
    const groups = new Map([...chat.groups.values()].map((name) => [`#${name.toLowerCase()}`, { key: `#${name}`, title: name }]));
    for (const conv of chat.convs.values()) (conv.kind === 'group' ? groups : people).set(conv.key, conv);
    people.delete('*');
    people.delete(`@${chat.me.toLowerCase()}`);
    const rank = (one) => {
      const conv = chat.convs.get(one.key.toLowerCase());
      return [conv?.unread ? 0 : 1, this.state(one) === 'off' ? 1 : 0, one.title.toLowerCase()];
    };
    const order = (a, b) => {
      const [x, y] = [rank(a), rank(b)];
      const at = x.findIndex((value, n) => value !== y[n]);
      return at < 0 ? 0 : x[at] < y[at] ? -1 : 1;
    };
    const sorted = (all) => all.filter(fits).sort(order).map((one) => this.entry(one));
    this.fill('all', [this.entry(chat.conv('*'))]);
    this.fill('groups', sorted([...groups.values()]), 'Groups');
    this.fill('people', sorted([...people.values()]), 'People');
    $('me').textContent = chat.me;
    this.unread();
  }

  // Updates one part of the list. Unchanged entries stay, with the focus and under the pointer.
  fill(part, entries, title) {
    let list = document.getElementById(`list-${part}`);
    if (!list) {
      list = el('ul', { id: `list-${part}`, 'aria-label': title });
      $('list').append(...(title ? [el('h3', {}, title)] : []), list);
    }
    const here = [...list.children];
    if (here.length === entries.length && entries.every((entry, n) => entry === here[n])) return;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    list.replaceChildren(...entries);
    if (focused) [...list.querySelectorAll('button')].find(({ dataset }) => dataset.key === focused)?.focus();
  }

  state({ key, title }) {
    if (key[0] !== '@') return 'none';
    const one = this.chat.people.get(title.toLowerCase());
    return !one?.online ? 'off' : one.away ? 'away' : 'on';
  }

  entry(one) {
    const conv = this.chat.convs.get(one.key.toLowerCase());
    const state = this.state(one);
    const words = { on: 'online', away: 'away', off: 'offline', none: '' }[state];
    const group = one.key[0] === '#';
    const seen = state === 'off' ? this.chat.people.get(one.title.toLowerCase())?.seen : null;
    const name = conv ? Chat.called(conv) : one.title;
    const label = [name, conv?.room ? `room ${one.title}` : '', words, seen ? `last seen ${when(seen)}` : '', group && !conv?.mine ? 'not joined' : '', conv?.unread ? `${conv.unread} unread` : ''].filter(Boolean).join(', ');
    const open = Boolean(this.chat.current) && conv === this.chat.current;
    const count = conv?.room && conv.count ? `${conv.count}/${conv.limit}` : seen ? short(seen) : '';
    const said = [label, count, open].join();
    const drawn = this.entries.get(one.key);
    if (drawn?.said === said) return drawn.node;
    const node = el('li', {}, el('button', {
      type: 'button', 'data-key': one.key, 'aria-label': label, 'aria-current': open ? 'true' : null,
      class: `entry ${group && !conv?.mine ? 'outside' : ''}`, onclick: () => this.act.open(one.key),
    },
    el('span', { class: `dot ${state}` }, group ? (conv?.room ? '⌂' : '#') : one.key === '*' ? '✱' : ''),
    el('span', { class: 'name' }, name),
    count ? el('span', { class: 'count' }, count) : null,
    conv?.unread ? el('span', { class: 'badge' }, String(conv.unread)) : null));
    this.entries.set(one.key, { said, node });
    return node;
  }

  head() {
    const { current } = this.chat;
    $('app').classList.toggle('open', Boolean(current));
    $('title').textContent = current ? Chat.called(current) : 'Parlor';
    $('subtitle').textContent = current ? this.subtitle(current) : 'Choose someone on the left, or create a group or a room.';
    $('composer').hidden = !current;
    $('b-conv').hidden = !current || current.kind === 'all';
  }

  subtitle(conv) {
    if (conv.kind === 'all') return 'Everyone who is online';
    if (conv.room && conv.mine) return `Room ${conv.title} · ${conv.count ?? 1} of ${conv.limit ?? '?'} here`;
    if (conv.kind === 'group') {
      const portrait = this.chat.portraits.get(conv.title.toLowerCase());
      if (!conv.mine) return 'You are not in this group';
      return portrait ? `${portrait.members} ${portrait.members === 1 ? 'member' : 'members'}${portrait.text ? ` · ${portrait.text}` : ''}` : 'Group';
    }
    const one = this.chat.people.get(conv.title.toLowerCase());
    if (one?.online) return one.away ? `Away: ${one.away}` : 'Online';
    return one?.seen ? `Last seen ${when(one.seen)}` : 'Offline';
  }

  // Messages, with a line for each day. Nodes are reused, so only new messages cost anything.
  log() {
    const { current } = this.chat;
    const log = $('log');
    if (!current) return log.replaceChildren();
    const same = log.dataset.key === current.key;
    const keep = same && !this.bottom ? log.scrollHeight - log.scrollTop : null;
    const rows = [];
    let [date, last] = ['', null];
    if (!current.complete && current.messages.length) rows.push(el('p', { class: 'line' }, current.loading ? 'Loading…' : 'Scroll up for more'));
    for (const message of current.messages) {
      if (current.gap && current.gap.before === message.id) {
        rows.push(this.gap(current));
        last = null;
      }
      const today = day(message.at);
      if (today !== date) {
        rows.push(el('p', { class: 'line day' }, el('span', {}, today)));
        [date, last] = [today, null];
      }
      rows.push(this.row(current, message, last));
      last = message;
    }
    if (!rows.length) rows.push(el('p', { class: 'line' }, current.kind === 'group' && !current.mine ? 'Join the group to talk here.' : 'No messages yet.'));
    if (current.kind === 'group' && !current.mine) rows.push(el('p', { class: 'line' }, button('Join this group', () => this.act.join(current), { class: 'main' })));
    log.dataset.key = current.key;
    log.replaceChildren(...rows);
    if (keep == null) this.down();
    else log.scrollTop = log.scrollHeight - keep;
    if (log.scrollHeight <= log.clientHeight && current.messages.length) this.chat.older(current);
  }

  down() {
    const log = $('log');
    log.scrollTop = log.scrollHeight;
    this.bottom = true;
  }

  gap(conv) {
    return el('p', { class: 'line gap', role: 'note' }, button(conv.loading ? 'Loading…' : 'Some messages are missing: load them', () => {
      this.chat.fill(conv);
      this.log();
    }));
  }

  row(conv, message, last) {
    const tight = last && !last.note && last.from === message.from && new Date(message.at) - new Date(last.at) < 300000;
    const drawn = this.nodes.get(message);
    if (drawn && !message.stale && drawn.tight === tight) return drawn.node;
    message.stale = false;
    const node = message.note != null ? this.note(message) : this.bubble(conv, message, tight);
    this.nodes.set(message, { node, tight });
    return node;
  }

  note({ note }) {
    return el('p', { class: note.includes('\n') ? 'line pre' : 'line' }, note);
  }

  bubble(conv, message, tight) {
    const own = message.from.toLowerCase() === this.chat.me.toLowerCase();
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
    $('typing').textContent = names.length ? `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} typing…` : '';
  }

  // The third column, where it fits.
  info() {
    const { current } = this.chat;
    this.head();
    const box = $('info');
    if (!current || current.kind === 'all') return box.replaceChildren();
    if (current.kind === 'group') {
      const portrait = this.chat.portraits.get(current.title.toLowerCase());
      const members = this.chat.members.get(current.title.toLowerCase()) ?? [];
      return box.replaceChildren(el('h3', {}, Chat.called(current)),
        current.room && current.mine ? el('p', {}, `Others can join with the code ${current.title}.`) : portrait?.text ? el('p', {}, portrait.text) : '',
        el('ul', {}, members.map((name) => el('li', {}, name, el('small', {}, ` ${roleOf(portrait, name)}`)))));
    }
    const one = this.chat.people.get(current.title.toLowerCase()) ?? {};
    const line = (title, value) => (value ? [el('dt', {}, title), el('dd', {}, value)] : []);
    box.replaceChildren(el('h3', {}, current.title), el('dl', {},
      line('Status', one.online ? (one.away ? `away: ${one.away}` : 'online') : 'offline'),
      line('Online since', one.online && one.since && when(one.since)), line('Last seen', !one.online && one.seen && when(one.seen))));
  }
}

export function roleOf(portrait, name) {
  if (portrait?.owners.includes(name)) return 'owner';
  return portrait?.admins.includes(name) ? 'admin' : '';
}
