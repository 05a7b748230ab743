// The administration page: answers of admin commands as tables and charts, and their actions as buttons that ask for a reason.

import { $, button, el, when } from './dom.js';
import { form, item, menu, show } from './dialogs.js';
import { fill, patch, rows } from './rows.js';

const PACE = 5000;
const KEPT = 60;
const LINES = 50;

// Rows of a table that are shown, however many there are.
const ROWS = 200;

const TIME = ['time', 'For how long (10m, 2h, 7d; empty: permanent)', { pattern: '\\d+[smhd]' }];
const CHARTS = [['messages_per_s', 'Messages per second'], ['deliveries_per_s', 'Deliveries per second'], ['queued_bytes', 'Queued bytes'], ['sessions', 'Sessions']];

export class Operate {
  constructor(chat) {
    Object.assign(this, { chat, past: [], log: [] });
  }

  open(whom) {
    clearInterval(this.timer);
    $('operate').hidden = false;
    this.ask();
    this.timer = setInterval(() => this.ask(), PACE);
    this.draw();
    if (typeof whom === 'string') this.sanction(whom);
  }

  close() {
    clearInterval(this.timer);
    $('operate').hidden = true;
  }

  get shown() { return !$('operate').hidden; }

  ask() {
    if (document.visibilityState !== 'visible') return;
    const lines = ['/sessions', '/groups all', '/bans', '/reports', ...(this.chat.role === 'admin' ? ['/stats', `/log ${LINES}`] : [])];
    for (const line of lines) this.chat.send(line, { operate: true });
  }

  do(line) {
    const sent = this.chat.send(line.replace(/ +/g, ' ').trim(), { operate: true });
    this.ask();
    return sent;
  }

  // Handles an event for operators; returns whether it was an error of theirs.
  take(what, event) {
    if (what === 'report') this.say(`Report ${event.number}: ${event.by ?? 'the word filter'} about ${event.about}: ${event.text}`);
    if (!this.shown) {
      if (what === 'table' || what === 'done') this.chat.note(this.chat.current ?? this.chat.conv('*'), plain(event));
      return false;
    }
    if (what === 'table') this.table(event);
    else if (event.code === 'no_log') this.tail([], event.text);
    else if (what === 'done' || (what === 'error' && event.line?.operate)) this.say(what === 'done' ? plain(event) : event.text);
    this.told();
    return what === 'error' && (event.line?.operate || event.code === 'no_log');
  }

  say(text) {
    this.log = [`${new Date().toLocaleTimeString()} ${text}`, ...this.log].slice(0, 20);
  }

  table({ of, rows: all }) {
    if (of === 'log') return this.tail(all.map(({ text }) => text), '');
    const id = `of-${of}`;
    if (!$(id)) $('operate').append(el('section', { id }, el('h3'), el('div', { class: 'wide' }, el('table', {}, el('thead'), el('tbody'))), el('p', { class: 'rest' })));
    const [head, wide, rest] = $(id).children;
    const acts = this.acts()[of];
    head.textContent = `${of} (${all.length})`;
    wide.hidden = !all.length;
    rest.textContent = all.length > ROWS ? `The first ${ROWS} are shown.` : all.length ? '' : 'None.';
    const columns = Object.keys(all[0] ?? {});
    fill(wide.querySelector('thead'), el('tr', {}, [...columns, ...(acts ? ['actions'] : [])].map((name) => el('th', { scope: 'col' }, name.replaceAll('_', ' ')))));
    // A row stays the same one under whoever is about to press a button of it.
    rows(wide.querySelector('tbody'), all.slice(0, ROWS).map((row) => ({
      key: row.session ?? row.number ?? row.group ?? row.name ?? `${row.penalty} ${row.of}`,
      said: JSON.stringify(row),
      make: () => el('tr', {}, columns.map((name) => el('td', {}, String(shown(row[name])))), acts ? el('td', {}, acts(row)) : null),
    })));
    const pairs = all.length && 'name' in all[0] && 'value' in all[0] ? Object.fromEntries(all.map(({ name, value }) => [name, Number(value)])) : null;
    if (pairs) this.past = [...this.past, pairs].slice(-KEPT);
    if (pairs && $('charts')) fill($('charts'), CHARTS.map(([name, title]) => this.chart(name, title)));
  }

  // The end of the log. Keeps the position of a user who has scrolled up.
  tail(lines, why) {
    const old = $('of-log');
    const box = old?.querySelector('.tail');
    const down = !box || box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const text = why || lines.join('\n');
    if (box?.textContent === text) return;
    const at = box?.scrollTop;
    const fresh = el('section', { id: 'of-log' }, el('h3', {}, why ? 'log' : `log (last ${lines.length} lines)`), el('div', { class: 'tail', tabindex: '0', role: 'region', 'aria-label': 'End of the log' }, text));
    if (old) patch(old, fresh);
    else $('operate').append(fresh);
    const now = (old ?? fresh).querySelector('.tail');
    now.scrollTop = down ? now.scrollHeight : at;
  }

  told() {
    const box = $('told');
    if (box) box.textContent = this.log.slice(0, 5).join('\n');
  }

  why(title, line, fields = []) {
    form(title, [...fields, ['why', 'Reason', { required: true }]], 'Confirm', (said) => this.do(line(said)));
  }

  // Actions on a user, online or not.
  sanction(user) {
    const acts = [
      ['Disconnect', ({ why }) => `/disconnect ${user} ${why}`],
      ['Mute', ({ time, why }) => `/mute user ${user} ${time} ${why}`, [TIME]],
      ['Unmute', ({ why }) => `/unmute user ${user} ${why}`],
      ['Ban', ({ time, why }) => `/ban user ${user} ${time} ${why}`, [TIME]],
      ['Unban', ({ why }) => `/unban user ${user} ${why}`],
    ];
    show(`About ${user}`, menu(...acts.map(([word, line, fields]) => item(`${word} ${user}…`, () => this.why(`${word} ${user}`, line, fields)))));
  }

  // The buttons of a row, by table.
  acts() {
    return {
      sessions: ({ user, session, from }) => [
        button('End', () => this.why(`End session ${session} of ${user}`, ({ why }) => `/disconnect session:${session} ${why}`)),
        button('Mute', () => this.why(`Mute ${user}`, ({ time: long, why }) => `/mute user ${user} ${long} ${why}`, [TIME])),
        button('Ban', () => this.why(`Ban ${user}`, ({ time: long, why }) => `/ban user ${user} ${long} ${why}`, [TIME])),
        button('Ban address', () => this.why(`Ban ${host(from)}`, ({ time: long, why }) => `/ban addr ${host(from)} ${long} ${why}`, [TIME])),
      ],
      groups: ({ group }) => this.chat.role === 'admin' && button('Delete', () => this.why(`Delete the group ${group}`, ({ why }) => `/drop_group ${group} ${why}`)),
      penalties: (row) => button('Lift', () => this.why(`Lift the ${row.penalty} of ${row.of}`, ({ why }) => `/un${row.penalty} ${kind(row.of)} ${row.of} ${why}`)),
      reports: ({ number }) => button('Close', () => this.why(`Close report ${number}`, ({ why }) => `/reports done ${number} ${why}`)),
    };
  }

  draw() {
    const admin = this.chat.role === 'admin';
    $('operate').replaceChildren(
      el('header', { class: 'bar' }, el('h2', {}, `Administration (${this.chat.role})`), button('✕', () => this.close(), { class: 'icon', 'aria-label': 'Close' })),
      el('div', { class: 'row acts' },
        button('Announce…', () => form('Announce', [['text', 'Text', { required: true }]], 'Announce', ({ text }) => this.do(`/announce ${text}`))),
        admin && button('Rename a user…', () => this.why('Rename a user', ({ user, name, why }) => `/rename ${user} ${name} ${why}`, [['user', 'User', { required: true }], ['name', 'New name', { required: true }]])),
        admin && button('Reload users and word filter…', () => this.why('Reload users and word filter', ({ why }) => `/reload ${why}`)),
        admin && button('Stop the server…', () => this.why('Stop the server', ({ after, why }) => `/shutdown in ${after} ${why}`, [['after', 'In', { required: true, value: '5m', pattern: '\\d+[smhd]' }]]), { class: 'danger' }),
        admin && button('Cancel shutdown…', () => this.why('Cancel the shutdown', ({ why }) => `/shutdown cancel ${why}`))),
      el('p', { class: 'pre', id: 'told', role: 'status' }),
      el('div', { class: 'charts', id: 'charts' }),
    );
    this.told();
  }

  chart(name, title) {
    const values = this.past.map((one) => one[name] ?? 0);
    const most = Math.max(1, ...values);
    const points = values.map((value, n) => `${(n * 100) / (KEPT - 1)},${30 - (value * 28) / most}`).join(' ');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 100 32');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', `${title}: ${values.at(-1) ?? 0}`);
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    line.setAttribute('points', points);
    svg.append(line);
    return el('figure', {}, svg, el('figcaption', {}, `${title}: ${values.at(-1) ?? 0}`));
  }
}

const host = (from) => from.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
const kind = (whom) => (/\//.test(whom) ? 'net' : /[:]|^\d+(\.\d+){3}$/.test(whom) ? 'addr' : 'user');

function plain({ event, at, tag, rows, of, ...fields }) {
  if (rows) return [of, ...rows.map((row) => Object.values(row).map(shown).join('  '))].join('\n');
  return Object.entries(fields).map(([name, value]) => `${name}: ${shown(value)}`).join(', ');
}

const shown = (value) => (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? when(value) : value ?? '–');
