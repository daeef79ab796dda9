// Secrets that people may have to read aloud or type from paper: lower case and digits without 0, o, 1, l, i.

import { randomInt } from 'node:crypto';

const ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz';
const GROUP = 6;
/** 36 characters of log2(31) bits: 178 bits. */
const REPOSITORY_PASSWORD_CHARACTERS = 36;
/** 148 bits. */
const SETUP_TOKEN_CHARACTERS = 30;

export function generateRepositoryPassword(): string {
  return randomText(REPOSITORY_PASSWORD_CHARACTERS);
}

export function generateSetupToken(): string {
  return randomText(SETUP_TOKEN_CHARACTERS);
}

/** Groups of six with dashes between them. */
function randomText(characters: number): string {
  let text = '';
  for (let made = 0; made < characters; made += 1) {
    if (made > 0 && made % GROUP === 0) text += '-';
    text += ALPHABET[randomInt(ALPHABET.length)];
  }
  return text;
}
