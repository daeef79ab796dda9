// Written next: the thread of a backup.
export {};
