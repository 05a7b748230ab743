// What each event of the server changes. An event that is none of these is shown as it is.

import { Chat } from './chat.js';
import { when } from './dom.js';

const low = (name) => name.toLowerCase();

const handlers = {
  ask(chat, { what }) { if (chat.online) chat.tell('ask', what); },
  guest(chat, { name }) { chat.me = name; },
  pong(chat, { text }) {
    if (text === 'role!') chat.probing = false;
    else if (text === 'caught-up') {
      chat.ask_seen();
      chat.changed('ready');
    } else if (text === 'typed(' || text === 'typed)') chat.looking = text === 'typed(';
    else if (text === 'seen(' || text === 'seen)') chat.quiet = text === 'seen(';
    else if (text !== 'role?') chat.note(chat.current ?? chat.conv('*'), `Pong: ${text}`);
  },
  help(chat, { text }) {
    if (chat.probing) chat.role = text.startsWith('/stats') ? 'admin' : 'moderator';
    else chat.note(chat.current ?? chat.conv('*'), text);
    chat.changed('list');
  },
  whoami(chat, { name, groups }) {
    chat.me = name;
    const mine = new Set(groups.map(low));
    for (const conv of chat.convs.values()) {
      if (conv.kind !== 'group' || !conv.mine || mine.has(low(conv.title))) continue;
      // A room is left with its session, and this is another one.
      if (conv.room) chat.tell('room_lost', conv);
      leave(chat, conv.title, 'You are in this group no more.');
    }
    groups.forEach((group) => join(chat, group));
    chat.changed('all');
  },
  users(chat, { users }) {
    for (const one of chat.people.values()) one.online = false;
    for (const { name, away } of users) person(chat, name, { online: true, away });
    chat.changed('list');
  },
  groups(chat, { names, topics }) {
    chat.groups = new Map(names.map((name) => [low(name), name]));
    for (const { group, text } of topics) Object.assign(chat.conv(`#${group}`, group), { room: true, topic: text });
    chat.changed('list');
  },
  groups_users(chat, { first, groups }) {
    if (first) chat.members.clear();
    for (const { group, members } of groups) chat.members.set(low(group), members);
    chat.changed('info');
  },
  group_info(chat, event) {
    chat.portraits.set(low(event.group), event);
    if (event.room) Object.assign(chat.conv(`#${event.group}`, event.group), { room: true, complete: true, count: event.members, limit: event.limit, topic: event.text });
    chat.changed('info');
  },
  joined(chat, { user }) { person(chat, user, { online: true, away: null }); chat.changed('list'); },
  left(chat, { user }) { person(chat, user, { online: false, away: null, seen: new Date().toISOString() }); chat.changed('list'); },
  away(chat, { text }) {
    person(chat, chat.me, { online: true, away: text });
    chat.note(chat.current ?? chat.conv('*'), text == null ? 'You are back.' : `You are away: ${text}`);
  },
  ignored: (chat, { user }) => chat.note(chat.conv(`@${user}`), `You now ignore ${user}.`),
  unignored: (chat, { user }) => chat.note(chat.conv(`@${user}`), `You no longer ignore ${user}.`),
  ignores: (chat, { names }) => chat.note(chat.current ?? chat.conv('*'), names.length ? `You ignore: ${names.join(', ')}` : 'You ignore nobody.'),
  password_changed: (chat) => chat.note(chat.current ?? chat.conv('*'), 'Your password was changed.'),
  cancelled: (chat) => chat.note(chat.current ?? chat.conv('*'), 'Nothing was changed.'),
  bans: (chat, event) => chat.tell('bans', event),
  whois(chat, { name, online, away, last_seen, since, idle }) {
    person(chat, name, { online, away: away ?? null, seen: last_seen, since, idle });
    chat.changed('list');
    chat.changed('info');
  },
  private: (chat, event) => chat.live(event),
  sent: (chat, event) => chat.live(event),
  group: (chat, event) => chat.live(event),
  broadcast: (chat, event) => chat.live(event),
  past: (chat, event) => chat.past(event),
  missed(chat, { count }) { chat.reading = { missed: true, left: count }; },
  missed_more() { /* they are in the history, which was asked for */ },
  history(chat, { of, count }) {
    const at = chat.asked.findIndex((one) => low(one.of) === low(of));
    const [ask] = at < 0 ? [{}] : chat.asked.splice(at, 1);
    chat.reading = { ...ask, left: count, count };
    if (count === 0) chat.done(chat.reading);
  },
  earlier() { /* how many came says it as well */ },
  found(chat, { count }) {
    chat.reading = { search: true, left: count, got: [] };
    if (count === 0) chat.done(chat.reading);
  },
  cleared(chat, { of }) {
    const all = [...chat.convs.values()].filter((conv) => of === 'all' || low(Chat.of(conv)) === low(of));
    for (const conv of all) Object.assign(conv, { messages: [], ids: new Map(), unread: 0, gap: null, complete: true });
    chat.changed('all');
  },
  deleted(chat, { id }) { change(chat, id, { deleted: true, text: undefined }); },
  received(chat, { id }) { change(chat, id, { received: true }); },
  read(chat, { id }) { change(chat, id, { received: true, read: true }); },
  you_read() {}, receipts() {}, typings() {}, talking() {},
  typing(chat, { from, to }) {
    const conv = chat.conv(to[0] === '#' ? to : `@${from}`);
    conv.typing.set(low(from), { name: from, until: Date.now() + 5000 });
    chat.changed('typing');
    setTimeout(() => chat.changed('typing'), 5100);
  },
  kept: (chat, { user }) => chat.note(chat.conv(`@${user}`), `${user} is not online; it is kept until the next login.`),
  user_away(chat, { user, text }) {
    person(chat, user, { online: true, away: text });
    chat.note(chat.conv(`@${user}`), `${user} is away: ${text}`);
  },
  group_created: (chat, { group }) => enter(chat, group),
  group_joined: (chat, { group }) => enter(chat, group),
  group_left: (chat, { group }) => leave(chat, group, 'You left the group.'),
  room_created: (chat, { group, limit, count, text }) => enter(chat, group, { room: true, limit, count, topic: text }),
  room_joined: (chat, { group, limit, count, text }) => enter(chat, group, { room: true, limit, count, topic: text }),
  room_left: (chat, { group }) => drop(chat, group),
  member_joined: (chat, event) => moved(chat, event, 'joined'),
  member_left: (chat, event) => moved(chat, event, 'left'),
  kicked: (chat, event) => withdrawn(chat, event, 'must leave'),
  banned: (chat, event) => withdrawn(chat, event, 'is banned'),
  group_dropped: (chat, { group, text }) => leave(chat, group, `The group was taken away by an operator: ${text}`),
  invited(chat, { group, by }) {
    chat.groups.set(low(group), group);
    const conv = chat.conv(`#${group}`, group);
    if (conv !== chat.current) conv.unread += 1;
    chat.note(conv, `${by} invites you to this group.`);
  },
  you_invited: (chat, { group, user }) => chat.note(chat.conv(`#${group}`), `You invited ${user}.`),
  role(chat, { group, user, role, by }) {
    chat.note(chat.conv(`#${group}`), `${user} is ${role} now${by ? `, by ${by}` : ''}.`);
    look(chat, group);
  },
  group_changed(chat, event) {
    chat.note(chat.conv(`#${event.group}`), `${event.by} changed the group${event.text ? `; its topic: ${event.text}` : ''}.`);
    look(chat, event.group);
  },
  announcement(chat, { text }) { everywhere(chat, `Announcement: ${text}`); },
  stopping(chat, { seconds, text }) { everywhere(chat, `The server stops in ${seconds} s${text ? `: ${text}` : ''}`); },
  goes_on: (chat) => everywhere(chat, 'The server goes on; the stop is cancelled.'),
  dismissed: (chat, { text }) => chat.tell('ended', text),
  token_made: (chat, event) => chat.tell('token', event),
  tokens: (chat, event) => chat.tell('tokens', event),
  token_revoked() {},
  report: (chat, event) => chat.tell('report', event),
  table: (chat, event) => chat.tell('table', event),
  done: (chat, event) => chat.tell('done', event),
  error(chat, { code, text }) {
    // Somebody may have no account any more.
    if ((chat.probing && code === 'unknown_command') || (chat.quiet && code === 'no_such_user')) return;
    if (['no_history', 'not_readable', 'guests_have_none'].includes(code)) {
      const ask = chat.asked.shift();
      if (ask?.conv) Object.assign(ask.conv, { loading: false, complete: true });
      if (ask) return;
    }
    if (chat.tell('error', { code, text })) return;
    chat.pending.pop();
    if (chat.current) chat.note(chat.current, text);
    else chat.tell('refused', text);
  },
  you_muted: (chat, { muted, text }) => everywhere(chat, `${muted ? 'An operator has muted you' : 'You may speak again'}${text ? `: ${text}` : '.'}`),
  renamed: (chat, { user, name }) => everywhere(chat, `${user} is called ${name} from now on.`),
  muted: (chat, { group, user, by }) => chat.note(chat.conv(`#${group}`), `${user} is muted by ${by}.`),
  unmuted: (chat, { group, user, by }) => chat.note(chat.conv(`#${group}`), `${user} may talk again, by ${by}.`),
  unbanned: (chat, { group, user, by }) => chat.note(chat.conv(`#${group}`), `${user} may come back, by ${by}.`),
  welcome() {}, closed() {}, login_failed() {}, registration_failed() {}, address_banned() {},
};

// What is answered to a look around, and shown as it is to who typed for it.
const LOOKS = ['whoami', 'users', 'groups', 'groups_users', 'group_info', 'whois'];

function said(value) {
  if (Array.isArray(value)) return value.map(said).join(', ') || 'none';
  if (value && typeof value === 'object') return Object.values(value).filter((one) => one != null).map(said).join(' ');
  return /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? when(value) : String(value);
}

export function handle(chat, event) {
  const handler = Object.hasOwn(handlers, event.event) ? handlers[event.event] : null;
  if (handler) {
    handler(chat, event);
    if (!chat.looking || !LOOKS.includes(event.event)) return;
  }
  const { event: tag, at, ...fields } = event;
  const words = Object.entries(fields).filter(([, value]) => value != null).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${said(value)}`);
  chat.note(chat.current ?? chat.conv('*'), [tag.replaceAll('_', ' '), ...words].join('\n'));
}

function person(chat, name, more) {
  const one = chat.people.get(low(name)) ?? { name };
  chat.people.set(low(name), Object.assign(one, { name }, more));
}

function join(chat, group, more = {}) {
  chat.groups.set(low(group), group);
  return Object.assign(chat.conv(`#${group}`), { mine: true, title: group }, more.room ? { complete: true } : {}, more);
}

function enter(chat, group, more) {
  const conv = join(chat, group, more);
  chat.note(conv, more?.room ? `You are in the room ${group}; others come in with this code. Nothing that is said here is kept.` : 'You are in this group now.');
  chat.tell('enter', conv);
}

function leave(chat, group, why) {
  const conv = chat.conv(`#${group}`);
  if (conv.room) return drop(chat, group);
  conv.mine = false;
  chat.note(conv, why);
  chat.send('/groups');
  chat.changed('all');
}

// Of a room nothing stays.
function drop(chat, group) {
  const conv = chat.conv(`#${group}`);
  chat.convs.delete(conv.key);
  chat.groups.delete(low(group));
  if (chat.current === conv) {
    chat.current = null;
    chat.tell('start', `You left the room ${group}.`);
  }
  chat.changed('all');
}

function moved(chat, { group, user, count, limit }, what) {
  const conv = chat.conv(`#${group}`);
  if (count != null) Object.assign(conv, { count, limit });
  chat.note(conv, `${user} has ${what}${count == null ? '' : ` (${count}/${limit})`}.`);
  if (count == null) look(chat, group);
  else chat.changed('all');
}

function withdrawn(chat, { group, user, by, text }, what) {
  const why = `${user} ${what}, by ${by}${text ? `: ${text}` : '.'}`;
  if (low(user) === low(chat.me)) return leave(chat, group, why);
  chat.note(chat.conv(`#${group}`), why);
  look(chat, group);
}

function look(chat, group) {
  if (chat.current?.key === `#${low(group)}` && chat.current.mine) {
    chat.send(`/group ${group}`);
    chat.send('/groups_users');
  }
}

function change(chat, id, more) {
  for (const conv of chat.convs.values()) {
    const message = conv.ids.get(id);
    if (message) Object.assign(message, more, { stale: true });
  }
  chat.changed('log');
}

function everywhere(chat, text) {
  chat.note(chat.current ?? chat.conv('*'), text);
  chat.tell('notice', text);
}
