// What is known of the chat: people, groups, conversations and their messages. It knows no page.

import { bytes, low, memory } from './dom.js';
import { Lines } from './lines.js';

const FIRST = 200;
const AGAIN = 500;
const PAGE = 50;

// Messages of a conversation that are kept here, and how many more there may be before the oldest are let go; three times
// as many while somebody reads further up.
const KEPT = 5000;
const SLACK = 500;

// Messages whose receipts are remembered over a reload.
const RECEIPTS = 500;

// How often, in milliseconds, the server is asked who is here, and who is in a group that changes.
const PAUSE = 2000;

// What a terminal sends for keys, and what nobody sees at the beginning of a line: whether it is a command is up to the
// first character that shows.
const KEYS = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O?[ -~])?/gu;
const UNSEEN = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}]+/u;

const OFFLINE = 'Not sent: there is no connection.';

export const isName = (text) => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/.test(text);

// Names, each with what is known of it, in the order of the alphabet.
export class Index {
  constructor(make) { Object.assign(this, { make, map: new Map(), all: [], sorted: true }); }

  get(name) { return this.map.get(low(name)); }

  add(name) {
    const key = low(name);
    let entry = this.map.get(key);
    if (!entry) {
      entry = { ...this.make(name), low: key };
      this.map.set(key, entry);
      this.sorted &&= this.all.length === 0 || this.all.at(-1).low < key;
      this.all.push(entry);
    }
    return entry;
  }

  // Drops what is of no use any more.
  keep(wanted) {
    this.all = this.all.filter((entry) => wanted(entry) || !this.map.delete(entry.low));
  }

  inOrder() {
    if (!this.sorted) this.all.sort((a, b) => (a.low < b.low ? -1 : 1));
    this.sorted = true;
    return this.all;
  }
}

let count = 0;

export class Chat {
  // `put(line)` sends a line; `changed(what)` says what may have to be drawn, `heard(conversation, message)` that somebody
  // said something, and `tell(what, value)` all that is no matter of conversations.
  constructor(put, changed, heard, tell) {
    Object.assign(this, { put, changed, heard, tell });
    this.reset();
  }

  reset() {
    clearTimeout(this.asking);
    this.saveReceipts();
    const limit = this.lines?.limit;
    this.me = '';
    this.convs = new Map();
    this.ids = new Map();
    this.people = new Index((name) => ({ key: `@${name}`, title: name }));
    this.groups = new Index((name) => ({ key: `#${name}`, title: name }));
    this.members = new Map();
    this.infos = new Map();
    this.ignored = new Set();
    this.receipts = {};
    this.current = null;
    this.missed = null;
    this.last = 0;
    this.lines = new Lines(this.put, (line) => this.tell('refused', { line, text: 'This was not sent.' }));
    if (limit) this.lines.limit = limit;
    this.role = 'user';
    this.motd = '';
    this.asked = { users: 0, groups: 0 };
    this.conv('*', 'Everybody');
  }

  get guest() { return /^guest-\d+$/i.test(this.me); }

  conv(key, title = key.replace(/^[#@]/, '')) {
    const id = low(key);
    let conv = this.convs.get(id);
    if (!conv) {
      const kind = key === '*' ? 'all' : key[0] === '#' ? 'group' : 'user';
      conv = { key: id, kind, title, messages: [], unread: 0, complete: false, typing: new Map() };
      this.convs.set(id, conv);
      if (kind !== 'all') (kind === 'group' ? this.groups : this.people).add(title).conv = conv;
    }
    return conv;
  }

  // What a conversation is called: a room by what it is about, if that was said.
  static called({ topic, title }) { return topic || title; }

  // Where lines such as `/history` and `/clear` look for a conversation.
  static of({ kind, title }) { return { all: 'all', group: `#${title}`, user: title }[kind]; }

  // Whether something may be said there.
  mayTalk(conv) {
    if (conv.kind !== 'group') return true;
    const info = this.infos.get(low(conv.title));
    return Boolean(conv.mine) && !(info?.announce && info.role === 'member');
  }

  // Called at each welcome: what has to be known, and what came meanwhile.
  begin(again) {
    this.missed = null;
    this.online = true;
    for (const conv of this.convs.values()) conv.loading = false;
    ['/whoami', '/users', '/groups', '/receipts on', '/typing on', '/ignore'].forEach((line) => this.send(line, { quiet: true }));
    const role = (what, name) => this.send(`/help ${what}`, { quiet: true, done: () => { this.role = name; } });
    role('sessions', 'moderator');
    role('stats', 'admin');
    if (!this.guest) {
      const history = { all: true, resume: again ? this.last : 0 };
      this.send(`/history all ${again ? AGAIN : FIRST}`, { history, quiet: true, failed: () => this.match(Infinity) });
    }
    this.send('/ping', { quiet: true, done: () => this.caughtUp() });
  }

  // The connection is lost.
  offline() {
    this.online = false;
    this.lines.breakOff();
  }

  caughtUp() {
    if (this.guest) this.match(Infinity);
    this.askSeen();
    this.changed('ready');
  }

  // Sends a line, and returns it if it could.
  send(words, more) {
    const line = this.lines.make(words, more);
    return this.lines.post(line) ? line : null;
  }

  // The answer to a question, which is a line without a tag.
  answer(text) { return this.put(text); }

  history(conv, before, gap) {
    conv.loading = true;
    const failed = () => {
      Object.assign(conv, { loading: false, complete: true });
      this.changed('log');
    };
    this.send(`/history ${Chat.of(conv)} ${PAGE}${before ? ` before ${before}` : ''}`, { history: { conv, gap }, quiet: true, failed });
  }

  older(conv) {
    if (conv.complete || conv.loading || conv.room || this.guest || !this.online) return;
    this.history(conv, conv.reached ?? conv.messages.find((message) => message.id)?.id);
  }

  fill(conv) {
    if (conv.loading || !conv.gap || !this.online) return;
    this.history(conv, conv.gap.before, true);
  }

  // Says something in a conversation. Returns the line, or why it cannot be sent, or nothing if there is nothing to say.
  say(conv, typed) {
    const text = typed.replace(KEYS, '').replace(UNSEEN, '').replace(/\s*\n\s*/g, ' ').trim();
    if (!text) return {};
    if (text.startsWith('/') && !text.startsWith('//')) return this.command(conv, text);
    const to = { all: '/broadcast', group: `/group_msg ${conv.title}`, user: `/msg ${conv.title}` }[conv.kind];
    const words = text.replace(/^\/\//, '/');
    return this.post(this.lines.make(`${to} ${words}`, { conv, said: words, message: true, after: this.last }), words);
  }

  post(line, words, send = () => this.lines.post(line)) {
    const excess = this.lines.excess(line);
    if (excess > 0) {
      const length = bytes(words);
      return { why: `Too long: ${length.toLocaleString()} bytes. Here are at most ${(length - excess).toLocaleString()}.` };
    }
    return send() ? { line } : { why: OFFLINE };
  }

  command(conv, text) {
    const [word] = text.slice(1).toLowerCase().split(/\s/, 1);
    const alone = text.length === word.length + 1 && conv.kind !== 'all';
    const line = this.lines.make(word === 'clear' && alone ? `/clear ${Chat.of(conv)}` : text, { conv, typed: word, after: this.last });
    if (word !== 'me' || conv.kind === 'all') return this.post(line, text);
    // It goes where the server was told that lines without a command go, which nothing else of ours may depend on.
    const act = () => {
      line.message = this.lines.post(line);
      if (!line.message) this.tell('refused', { line, text: OFFLINE });
      this.send('/talk', { quiet: true });
    };
    const failed = (why) => this.tell('refused', { line, text: why });
    return this.post(line, text, () => this.send(`/talk ${Chat.of(conv)}`, { done: act, failed }));
  }

  // Asks again who is here and which groups there are: nobody is told of new groups of others. Not more often than it may
  // be of use, and later where it was asked for just now.
  refresh(...what) {
    const now = Date.now();
    for (const one of what.filter((one) => this.online && now - this.asked[one] >= PAUSE)) {
      this.asked[one] = now;
      this.send(`/${one}`, { quiet: true });
    }
    const late = what.filter((one) => this.asked[one] !== now);
    clearTimeout(this.asking);
    if (late.length && this.online) this.asking = setTimeout(() => this.refresh(...late), PAUSE);
  }

  // When those were here last with whom something was said.
  askSeen() {
    if (this.guest) return;
    const away = [...this.convs.values()].filter(({ kind, title }) => kind === 'user' && !this.people.get(title)?.online);
    // Somebody may have no account any more.
    for (const { title } of away.slice(0, 30)) this.send(`/whois ${title}`, { quiet: true });
  }

  // Asks for what is shown of a group, once for all that changes within a moment.
  look(group) {
    const conv = this.convs.get(`#${low(group)}`);
    if (!conv?.mine || conv !== this.current || conv.looking) return;
    const ask = () => {
      conv.looked = Date.now();
      conv.looking = null;
      if (conv !== this.current || !conv.mine) return;
      this.send(`/group ${conv.title}`, { quiet: true });
      this.send(`/groups_users ${conv.title}`, { quiet: true });
    };
    const wait = (conv.looked ?? 0) + PAUSE - Date.now();
    if (wait <= 0) ask();
    else conv.looking = setTimeout(ask, wait);
  }

  open(conv) {
    this.current = conv;
    conv.unread = 0;
    if (conv.kind === 'user') this.send(`/whois ${conv.title}`, { quiet: true });
    if (conv.kind === 'group') this.look(conv.title);
    if (conv.messages.length < 10) this.older(conv);
    this.seen(conv);
  }

  // Says of the private messages of a conversation that is looked at that they are read.
  seen(conv) {
    if (conv.kind !== 'user' || !this.online) return;
    for (const message of (conv.fresh ?? []).splice(0)) this.send(`/read ${message.id}`, { quiet: true });
  }

  // Adds a message to its conversation; answers whether it was not there yet.
  add(message, live) {
    const mine = low(message.from) === low(this.me);
    const key = message.group ? `#${message.group}` : !message.to ? '*' : mine ? `@${message.to}` : `@${message.from}`;
    const conv = this.conv(key);
    const { messages } = conv;
    const sent = message.tag && mine && this.lines.take(message.tag);
    if (sent) this.tell('accepted', sent);
    if (message.id) {
      if (this.ids.has(message.id)) return [conv, false];
      this.ids.set(message.id, message);
      if (live || message.id > this.last) this.last = Math.max(this.last, message.id);
    }
    this.show(message);
    if (mine && message.to) Object.assign(message, { received: Boolean(this.receipts[message.id]), read: this.receipts[message.id] === 2 });
    let place = messages.length;
    while (message.id && place > 0 && (messages[place - 1].id ?? 0) > message.id) place -= 1;
    messages.splice(place, 0, message);
    this.bound(conv);
    return [conv, true];
  }

  // What does not change of a message while it is shown, found out once.
  show(message) {
    count += 1;
    const at = new Date(message.at);
    Object.assign(message, { key: count, time: at.getTime(), date: at.toDateString() });
  }

  // Lets the oldest messages go when there are too many; they can be had again where they are kept.
  bound(conv) {
    const { messages } = conv;
    const kept = conv.reading ? KEPT * 3 : KEPT;
    if (messages.length <= kept + SLACK) return;
    for (const { id } of messages.splice(0, messages.length - kept)) this.ids.delete(id);
    conv.complete = false;
    conv.reached = messages.find((message) => message.id)?.id;
  }

  // A line of ours within a conversation: not a message of anybody.
  note(conv, text) {
    const note = { note: text, at: new Date().toISOString() };
    this.show(note);
    conv.messages.push(note);
    this.bound(conv);
    this.changed(conv === this.current ? 'log' : 'list');
  }

  live(event) {
    const mine = event.event === 'sent' || low(event.from) === low(this.me);
    const message = { id: event.id, at: event.at, from: event.from ?? this.me, group: event.group, text: event.text, action: event.action, tag: event.tag };
    if (event.event === 'private') message.to = this.me;
    if (event.event === 'sent') message.to = event.to;
    const [conv, fresh] = this.add(message, true);
    if (!fresh) return;
    if (!mine) {
      conv.typing.delete(low(message.from));
      if (conv.kind === 'user' && message.id) (conv.fresh ??= []).push(message);
      this.heard(conv, message);
    }
    this.changed('list');
    if (conv === this.current) this.changed('log');
  }

  past(event, line) {
    const reading = line?.history ?? line?.found ?? this.missed;
    if (!reading) return;
    if (reading.got) reading.got.push(...event.messages);
    else {
      // What was said to everybody can only be had among all else.
      const wanted = reading.conv?.kind === 'all' ? event.messages.filter(({ to, group }) => !to && !group) : event.messages;
      for (const message of wanted) {
        const [conv, added] = this.add(message);
        if (added && (reading === this.missed || (reading.resume && message.id > reading.resume)) && low(message.from) !== low(this.me)) {
          if (conv !== this.current || !this.watched) conv.unread += 1;
          if (conv.kind === 'user') (conv.fresh ??= []).push(message);
        }
      }
      reading.first = Math.min(reading.first ?? Infinity, ...event.messages.map(({ id }) => id));
    }
    reading.left -= event.messages.length;
    if (reading.left <= 0) this.done(reading);
  }

  // All messages of an answer are there; that there is more before them is said right behind them.
  done(reading) {
    if (reading === this.missed) this.missed = null;
    else if (reading.got) return this.tell('found', reading);
    const { conv, gap, all, resume, count: came, first } = reading;
    if (conv) conv.loading = false;
    if (conv && !gap) conv.reached = conv.kind === 'all' ? first : undefined;
    if (all && resume) this.resumed(came < AGAIN ? 0 : first, resume);
    else if (all) {
      for (const one of this.convs.values()) Object.assign(one, { complete: came < FIRST, reached: one.kind === 'all' ? first : undefined });
      this.match(0);
    } else if (conv && gap) {
      conv.gap = came === PAGE && first > conv.gap?.after ? { ...conv.gap, before: first } : null;
    } else if (conv) conv.complete = came < PAGE;
    this.changed('all');
  }

  // After coming back: of a conversation in which more was said than could be had at once, something is missing.
  resumed(first, last) {
    if (first > last) {
      for (const conv of this.convs.values()) {
        const before = conv.messages.find((message) => message.id >= first)?.id;
        const known = conv.messages.findLast((message) => message.id && message.id < first);
        if (known && before) conv.gap = { after: known.id, before };
      }
    }
    this.match(first);
  }

  // After coming back: messages of ours that are not among those from `first` on have not arrived, or before these.
  match(first) {
    for (const line of this.lines.lost.values()) {
      if (line.returned) continue;
      line.returned = true;
      const known = line.message && first <= line.after;
      const text = known ? 'Not sent: the connection was lost.' : 'The connection was lost; see whether this was sent.';
      this.tell('refused', { line, text });
    }
  }

  // Remembers how far a private message of ours has got, also over a reload.
  receipt(id, state) {
    if ((this.receipts[id] ?? 0) >= state) return;
    this.receipts[id] = state;
    const ids = Object.keys(this.receipts);
    if (ids.length > RECEIPTS) delete this.receipts[ids[0]];
    this.saving ??= setTimeout(() => this.saveReceipts(), 200);
  }

  saveReceipts() {
    if (!this.saving) return;
    clearTimeout(this.saving);
    this.saving = null;
    if (this.me && !this.guest) memory.set(`receipts.${low(this.me)}`, JSON.stringify(this.receipts));
  }

  // Who one is, and what this browser remembers of that user.
  called(name) {
    if (low(name) === low(this.me)) return;
    this.me = name;
    if (!this.guest) this.receipts = memory.json(`receipts.${low(name)}`) ?? {};
  }
}
