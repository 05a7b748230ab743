// The login page: signing in, registering, guests, and errors.

import { $, memory } from './dom.js';

const FAILED = {
  wrong_name_or_password: 'Wrong name or password.',
  already_logged_in: 'This user is already signed in elsewhere.',
  too_many_sessions: 'This user has too many sessions.',
  too_many_attempts: 'Too many wrong passwords from your address; try again in a minute.',
  too_many_guests: 'There are too many guests; try again later.',
  too_many_connections: 'Too many sign-ins from your address; try again.',
  unavailable: 'Signing in is not possible now; try again.',
  closed: 'Registration is closed; ask the operator for an account.',
  usage: 'This name cannot be used.',
  no_invitation: 'An invitation is required.',
  bad_invitation: 'The invitation is unknown, used or expired.',
  bad_name: 'A name may contain letters, digits, _ . and -, and must start with a letter or digit.',
  name_taken: 'This name is taken.',
  passwords_differ: 'The passwords do not match.',
  bad_password: 'This password cannot be used.',
  too_many_registrations: 'Too many registrations from your address; try again in ten minutes.',
  banned: 'You are banned from this server.',
};

const CLOSED = {
  quit: '', kicked: 'You were disconnected by an operator.', banned: 'You are banned from this server.',
  replaced: 'You signed in elsewhere; this session has ended.', token_revoked: 'The token of this session was revoked.',
  account_deleted: 'Your account was deleted.', slow_reader: 'The connection was too slow.',
};

export class Door {
  // `enter(lines, stay)` logs in with these lines; `stay` is the name of a user who wants to stay signed in.
  constructor(enter) {
    this.enter = enter;
    this.way = 'in';
    for (const way of ['in', 'new', 'guest']) $(`tab-${way}`).addEventListener('click', () => this.choose(way));
    $('login').addEventListener('submit', (event) => this.submit(event));
  }

  choose(way) {
    this.way = way;
    for (const one of ['in', 'new', 'guest']) $(`tab-${one}`).setAttribute('aria-selected', String(one === way));
    $('f-name').hidden = $('f-secret').hidden = way === 'guest';
    $('name').required = $('secret').required = way !== 'guest';
    $('f-again').hidden = $('f-invite').hidden = way !== 'new';
    $('again').required = way === 'new';
    $('f-stay').hidden = way === 'guest';
    $('secret').autocomplete = way === 'new' ? 'new-password' : 'current-password';
    $('enter').textContent = { in: 'Sign in', new: 'Register', guest: 'Continue as a guest' }[way];
    $('door-note').textContent = '';
  }

  submit(event) {
    event.preventDefault();
    const [name, secret, again] = [$('name').value.trim(), $('secret').value, $('again').value];
    const stay = $('stay').checked && this.way !== 'guest' && !secret.startsWith('parlor_') ? name : null;
    if (this.way === 'new' && secret !== again) {
      $('door-note').textContent = FAILED.passwords_differ;
      return;
    }
    $('door-note').textContent = 'One moment…';
    this.now = { in: [name, secret], new: [`/register ${name} ${$('invite').value.trim()}`.trim(), secret, secret], guest: ['guest', ''] }[this.way];
    this.enter(this.now, stay);
  }

  // Shows why the session ended.
  note(word, reason) {
    const { event, code, text } = this.refused ?? {};
    let note = CLOSED[reason] ?? (reason ? `The session has ended: ${reason.replaceAll('_', ' ')}.` : 'The server cannot be reached.');
    if (word === 'refused' && event) {
      note = event === 'address_banned' ? FAILED.banned : FAILED[code] ?? `That failed: ${code}.`;
      if (text) note += ` ${text}`;
      memory.set('stay', code === 'wrong_name_or_password' ? null : memory.get('stay'));
    }
    $('door-note').textContent = note;
    $('secret').value = $('again').value = '';
    this.refused = undefined;
  }

  set last(event) {
    if (/_failed$|^address_banned$/.test(event.event)) this.refused = event;
  }
}
