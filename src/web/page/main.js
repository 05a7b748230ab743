// Connects the parts: the login page, the connection, the chat and the view.

import { $, el, low, memory, nicely, random, tab } from './dom.js';
import { Net } from './net.js';
import { Chat } from './chat.js';
import { handle } from './events.js';
import { Composer } from './composer.js';
import { View } from './view.js';
import { Dialogs, form, remembered, show } from './dialogs.js';
import { Operate } from './operate.js';
import { Door } from './door.js';

// Milliseconds between two notifications of one conversation.
const NOTES = 1000;

let stay = null;
let dismissed = '';

const net = new Net({
  event(event) {
    if (event.event === 'welcome') welcome(event.text);
    else handle(chat, event);
  },
  state(word) {
    chat.online = word === 'open';
    $('offline').hidden = word !== 'offline';
    $('send').disabled = word !== 'open';
    if (word === 'offline') chat.offline();
    if (word === 'refused' || word === 'closed') back(word);
  },
});
const chat = new Chat((line) => net.send(line), (...parts) => view.mark(...parts.map((part) => (part === 'ready' ? ready() : part))), heard, tell);
const act = { open, join, message: (...all) => dialogs.message(...all), command, operate: (whom) => operate.open(whom), leave, theme };
const composer = new Composer(chat);
const view = new View(chat, act, composer);
const dialogs = new Dialogs(chat, act);
const operate = new Operate(chat);
const door = new Door((lines, again, wish) => {
  stay = wish;
  net.start(lines, again);
}, (limit) => { chat.lines.limit = limit; });

function welcome(motd) {
  const again = Boolean(chat.me);
  dismissed = '';
  $('door').hidden = true;
  $('app').hidden = false;
  door.entered();
  chat.motd = motd ?? '';
  chat.begin(again);
  view.mark('all');
  if (stay) makeToken(stay);
  stay = null;
}

// Stays signed in with a token, which is good for 30 days.
function makeToken(user) {
  const name = `web-${random(4)}`;
  chat.stay = { name, user };
  chat.send(`/token new ${name} 30`);
}

// All that was asked for at the welcome is there: what was open before a reload is open again.
function ready() {
  const saved = tab.json('open');
  const conv = saved && low(saved.me) === low(chat.me) && chat.convs.get(saved.key);
  const known = saved && low(saved.me) === low(chat.me) && saved.key[0] === '@';
  if (!chat.current && (known || (conv && (conv.kind !== 'group' || conv.mine)))) open(saved.key, false);
  view.mark('all');
  return 'ready';
}

// The session has ended for good: back to the login page.
function back(word) {
  const { closed, refused, again } = net;
  operate.close();
  $('dialog').close();
  chat.offline();
  chat.reset();
  composer.reset();
  view.mark('all');
  $('app').hidden = true;
  $('door').hidden = false;
  door.note(word, { closed, refused, dismissed });
  // Until when one is banned is said to whoever signs in.
  if (closed?.reason === 'banned') door.probe(again);
}

function heard(conv, message) {
  if (conv === chat.current && chat.watched) return chat.seen(conv);
  conv.unread += 1;
  if (globalThis.Notification?.permission !== 'granted' || Date.now() - (conv.noted ?? 0) < NOTES) return;
  conv.noted = Date.now();
  nicely(() => {
    const note = new Notification(conv.kind === 'user' ? message.from : `${message.from} · ${Chat.called(conv)}`, { body: message.text, tag: conv.key, silent: true });
    note.onclick = () => { window.focus(); open(conv.key); note.close(); };
  });
}

// Events outside the conversations. Returns whether an error was handled.
function tell(what, value) {
  switch (what) {
    case 'ask': return dialogs.secret(value);
    case 'found': return dialogs.found(value);
    case 'enter': return open(value.key);
    case 'start': return view.mark('all');
    case 'bans': return dialogs.bans(value);
    case 'tokens': return dialogs.tokens(value);
    case 'room_lost': return view.then(() => dialogs.roomLost(value));
    case 'shown': return show('That failed', el('p', {}, value));
    case 'accepted': return composer.accepted(value);
    case 'refused': return composer.refused(value.line, value.text);
    case 'password_changed': return changed();
    case 'token': return token(value);
    case 'dismissed': dismissed = value; return true;
    case 'table': case 'done': case 'report': case 'notice': case 'error': return operate.take(what, value);
    default: return false;
  }
}

// From now on one comes back with the new password; a token that this browser remembers may not be good any more.
function changed() {
  net.remember([chat.me, dialogs.password]);
  if (remembered()) makeToken(chat.me);
}

function token(value) {
  if (value.name !== chat.stay?.name) return dialogs.token(value);
  memory.set('stay', JSON.stringify({ user: chat.stay.user, name: value.name, token: value.text }));
  net.remember([chat.stay.user, value.text]);
  return true;
}

function open(key, focus = true) {
  const conv = chat.conv(key);
  $('filter').value = '';
  view.follow();
  chat.open(conv);
  tab.set('open', JSON.stringify({ me: chat.me, key: conv.key }));
  view.mark('all');
  // At once, because one may go on typing.
  view.draw();
  if (focus && matchMedia('(min-width: 720px)').matches) $('text').focus();
}

function join(conv) {
  const failed = (text, code) => {
    if (code !== 'needs_password') return chat.note(conv, text);
    return form(`Password of ${conv.title}`, [['password', 'Password', { type: 'password', required: true }]], 'Join', ({ password }) => chat.send(`/join_group ${conv.title} ${password}`));
  };
  chat.send(`/join_group ${conv.title}`, { failed });
}

function command(line) {
  if (!chat.current) open('*');
  chat.send(line);
}

function leave() {
  const kept = remembered();
  if (kept) chat.send(`/token revoke ${kept.name}`, { quiet: true });
  memory.set('stay', null);
  tab.set('open', null);
  chat.send('/quit', { quiet: true });
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  document.querySelector('meta[name=theme-color]').content = name === 'midnight' ? '#0b0f17' : '#081E3F';
  memory.set('theme', name);
}

function submit(event) {
  event?.preventDefault();
  if (!chat.current || !chat.online || !chat.mayTalk(chat.current)) return;
  if (composer.submit()) view.follow();
}

let typed = 0;
function typing() {
  const { current } = chat;
  const text = $('text').value;
  if (!text || text.startsWith('/') || !current || current.kind === 'all' || !chat.mayTalk(current) || Date.now() - typed < 3000) return;
  if (current.kind === 'group' || chat.people.get(current.title)?.online) {
    typed = Date.now();
    chat.send(`/typing ${Chat.of(current)}`, { quiet: true });
  }
}

// The previous or next conversation in the list.
function move(step) {
  const entries = [...$('list').querySelectorAll('.entry')];
  const at = entries.findIndex((entry) => entry.getAttribute('aria-current'));
  entries[(at + step + entries.length) % entries.length]?.click();
}

// Whether this is Enter, and not an Enter that ends what an input method composes.
const isEnter = (event) => event.key === 'Enter' && !event.isComposing && event.keyCode !== 229;

// Opens what the search finds first.
function find(event) {
  const filter = $('filter').value.trim();
  if (event.key === 'Escape' && filter) {
    event.preventDefault();
    $('filter').value = '';
    view.mark('list');
  }
  if (!isEnter(event)) return;
  event.preventDefault();
  const [first] = filter ? view.list.find(filter) : [];
  if (first) open(first.key);
}

Object.defineProperty(chat, 'watched', { get: () => document.visibilityState === 'visible' && document.hasFocus() });
$('composer').addEventListener('submit', submit);
$('text').addEventListener('input', typing);
$('text').addEventListener('keydown', (event) => {
  if (isEnter(event) && !event.shiftKey) submit(event);
});
$('filter').addEventListener('input', () => { chat.refresh('groups'); view.mark('list'); });
$('filter').addEventListener('focus', () => chat.refresh('users', 'groups'));
$('filter').addEventListener('keydown', find);
$('b-menu').addEventListener('click', () => dialogs.main());
$('b-group').addEventListener('click', () => dialogs.newGroup());
$('b-room').addEventListener('click', () => dialogs.room());
$('b-search').addEventListener('click', () => dialogs.search(chat.current));
$('b-conv').addEventListener('click', () => dialogs.conversation(chat.current));
$('b-back').addEventListener('click', () => {
  chat.current = null;
  tab.set('open', null);
  view.mark('all');
});
document.addEventListener('keydown', (event) => {
  if (event.altKey && event.key === 'ArrowDown') move(1);
  else if (event.altKey && event.key === 'ArrowUp') move(-1);
  else if (event.ctrlKey && event.key === 'k') $('filter').select();
  else return;
  event.preventDefault();
});
window.addEventListener('focus', () => {
  chat.refresh('users');
  if (!chat.current) return;
  chat.current.unread = 0;
  chat.seen(chat.current);
  view.mark('list');
});
window.addEventListener('pagehide', () => chat.saveReceipts());
window.addEventListener('online', () => net.hurry());
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && net.hurry());

theme(memory.get('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'midnight' : 'panther'));
const kept = remembered();
if (kept) net.start([kept.user, kept.token]);
