// What is known of the chat: people, groups, conversations and their messages. It knows no page.

const FIRST = 200;
const AGAIN = 500;
const PAGE = 50;

const low = (name) => name.toLowerCase();

export class Chat {
  // `send(line)` says something; `changed(what)` and `heard(conversation, message)` are called when that happens.
  constructor(send, changed, heard, tell) {
    Object.assign(this, { send, changed, heard, tell });
    this.reset();
  }

  reset() {
    this.me = '';
    this.convs = new Map();
    this.people = new Map();
    this.groups = new Map();
    this.members = new Map();
    this.portraits = new Map();
    this.current = null;
    this.asked = [];
    this.reading = null;
    this.last = 0;
    this.pending = [];
    this.role = 'user';
    this.looking = this.quiet = false;
    this.conv('*', 'Everybody');
  }

  get guest() { return /^guest-\d+$/i.test(this.me); }

  conv(key, title) {
    const id = low(key);
    let conv = this.convs.get(id);
    if (!conv) {
      const kind = key === '*' ? 'all' : key[0] === '#' ? 'group' : 'user';
      conv = { key: id, kind, title: title ?? key.replace(/^[#@]/, ''), messages: [], ids: new Map(), unread: 0, complete: false, typing: new Map() };
      this.convs.set(id, conv);
    }
    return conv;
  }

  // What a conversation is called: a room by what it is about, if that was said.
  static called({ topic, title }) { return topic || title; }

  // Where lines such as `/history` and `/clear` look for a conversation.
  static of({ kind, title }) { return { all: 'all', group: `#${title}`, user: title }[kind]; }

  // Called at each welcome: what has to be known, and what came meanwhile.
  begin(again) {
    this.reading = null;
    this.asked = [];
    this.looking = this.quiet = false;
    this.online = true;
    for (const conv of this.convs.values()) conv.loading = false;
    ['/whoami', '/users', '/groups', '/receipts on', '/typing on'].forEach((line) => this.send(line));
    this.probing = true;
    ['/help sessions', '/ping role?', '/help stats', '/ping role!'].forEach((line) => this.send(line));
    if (!this.guest) this.ask({ of: 'all', resume: again ? this.last : 0 }, `/history all ${again ? AGAIN : FIRST}`);
    this.send('/ping caught-up');
  }

  ask(what, line) {
    this.asked.push(what);
    this.send(line);
  }

  older(conv) {
    if (conv.complete || conv.loading || conv.room || this.guest || !this.online) return;
    const first = conv.reached ?? conv.messages.find((message) => message.id)?.id;
    conv.loading = true;
    this.ask({ of: Chat.of(conv), conv }, `/history ${Chat.of(conv)} ${PAGE}${first ? ` before ${first}` : ''}`);
  }

  fill(conv) {
    if (conv.loading || !conv.gap) return;
    conv.loading = true;
    this.ask({ of: Chat.of(conv), conv, gap: true }, `/history ${Chat.of(conv)} ${PAGE} before ${conv.gap.before}`);
  }

  say(conv, text) {
    const line = text.replace(/\s*\n\s*/g, ' ').trim();
    if (!line) return true;
    if (line.startsWith('/') && !line.startsWith('//')) return this.command(conv, line);
    const words = line.replace(/^\/\//, '/');
    const to = { all: '/broadcast', group: `/group_msg ${conv.title}`, user: `/msg ${conv.title}` }[conv.kind];
    if (!this.send(`${to} ${words}`)) return false;
    this.pending.push({ key: conv.key, text: words, after: this.last });
    return true;
  }

  command(conv, line) {
    const [word] = line.slice(1).split(' ');
    if (/^(whoami|users|list_users|groups|list_groups|groups_users|group|whois)$/i.test(word)) {
      return ['/ping typed(', line, '/ping typed)'].every((one) => this.send(one));
    }
    if (/^(me|clear)$/i.test(word) && conv.kind !== 'all') this.send(`/talk ${Chat.of(conv)}`);
    return this.send(line);
  }

  // Nobody is told of new groups of others, so it is asked for when somebody may look for one.
  refresh() {
    if (!this.online || Date.now() - (this.asked_groups ?? 0) < 2000) return;
    this.asked_groups = Date.now();
    ['/users', '/groups'].forEach((line) => this.send(line));
  }

  // When those were here last with whom something was said.
  ask_seen() {
    if (this.guest) return;
    const away = [...this.convs.values()].filter(({ kind, title }) => kind === 'user' && !this.people.get(low(title))?.online);
    ['/ping seen(', ...away.slice(0, 30).map(({ title }) => `/whois ${title}`), '/ping seen)'].forEach((line) => this.send(line));
  }

  open(conv) {
    this.current = conv;
    conv.unread = 0;
    this.refresh();
    if (conv.kind === 'user') this.send(`/whois ${conv.title}`);
    if (conv.kind === 'group' && conv.mine) {
      this.send(`/group ${conv.title}`);
      this.send('/groups_users');
    }
    if (conv.messages.length < 10) this.older(conv);
    this.seen(conv);
    this.changed('all');
  }

  // Says of the private messages of a conversation that is looked at that they are read.
  seen(conv) {
    if (conv.kind !== 'user' || !this.online) return;
    for (const message of (conv.fresh ?? []).splice(0)) this.send(`/read ${message.id}`);
  }

  // Adds a message to its conversation; answers whether it was not there yet.
  add(message, live) {
    const key = message.group ? `#${message.group}` : !message.to ? '*' : low(message.from) === low(this.me) ? `@${message.to}` : `@${message.from}`;
    const conv = this.conv(key);
    const { messages, ids } = conv;
    if (message.id) {
      if (ids.has(message.id)) return [conv, false];
      ids.set(message.id, message);
      if (live || message.id > this.last) this.last = Math.max(this.last, message.id);
    }
    let place = messages.length;
    while (message.id && place > 0 && (messages[place - 1].id ?? 0) > message.id) place -= 1;
    messages.splice(place, 0, message);
    return [conv, true];
  }

  // A line of ours within a conversation: not a message of anybody.
  note(conv, text, table) {
    conv.messages.push({ note: text, table, at: new Date().toISOString() });
    this.changed(conv === this.current ? 'log' : 'list');
  }

  live(event) {
    const mine = event.event === 'sent' || low(event.from) === low(this.me);
    const message = { id: event.id, at: event.at, from: event.from ?? this.me, group: event.group, text: event.text, action: event.action };
    if (event.event === 'private') message.to = this.me;
    if (event.event === 'sent') message.to = event.to;
    const [conv, fresh] = this.add(message, true);
    if (!fresh) return;
    if (mine) {
      const sent = this.pending.findIndex((one) => one.key === conv.key && one.text === message.text);
      if (sent >= 0) this.pending.splice(0, sent + 1);
    } else {
      conv.typing.delete(low(message.from));
      if (conv.kind === 'user' && message.id) (conv.fresh ??= []).push(message);
      this.heard(conv, message);
    }
    this.changed(conv === this.current ? 'all' : 'list');
  }

  past(event) {
    const reading = this.reading;
    if (reading?.search) reading.got.push(...event.messages);
    else {
      // What was said to everybody can only be had among all else.
      const wanted = reading?.conv?.kind === 'all' ? event.messages.filter(({ to, group }) => !to && !group) : event.messages;
      for (const message of wanted) {
        const [conv, added] = this.add(message);
        if (added && (reading?.missed || (reading?.resume && message.id > reading.resume)) && low(message.from) !== low(this.me)) {
          conv.unread += conv === this.current && document.hasFocus() ? 0 : 1;
          if (conv.kind === 'user') (conv.fresh ??= []).push(message);
        }
      }
      if (reading) reading.first = Math.min(reading.first ?? Infinity, ...event.messages.map(({ id }) => id));
    }
    if (!reading) return this.changed('all');
    reading.left -= event.messages.length;
    if (reading.left <= 0) this.done(reading);
  }

  // All messages of an answer are there; that there is more before them is said right behind them.
  done(reading) {
    this.reading = null;
    if (reading.search) return this.tell('found', reading.got);
    const { conv, gap, of, resume, count, first } = reading;
    if (conv) conv.loading = false;
    if (conv?.kind === 'all') conv.reached = gap ? conv.reached : first;
    if (of === 'all' && !conv) {
      if (resume) this.resumed(count < AGAIN ? 0 : first, resume);
      else for (const one of this.convs.values()) Object.assign(one, { complete: count < FIRST, reached: one.kind === 'all' ? first : undefined });
    } else if (conv && gap) {
      conv.gap = count === PAGE && first > conv.gap?.after ? { ...conv.gap, before: first } : null;
    } else if (conv) conv.complete = count < PAGE;
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
    this.match();
  }

  // After coming back: what was sent and never arrived is said so.
  match() {
    const lost = this.pending.filter(({ key, text, after }) => {
      const { messages } = this.conv(key);
      return !messages.some((one) => one.id > after && one.text === text && low(one.from) === low(this.me));
    });
    this.pending = [];
    for (const { key, text } of lost) this.note(this.conv(key), `Not sent: ${text}`);
  }
}
