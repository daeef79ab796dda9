import { notFound } from 'next/navigation';

/** An unknown address, inside the frame for who is signed in and behind sign-in for who is not. */
export default function MissingPage() {
  notFound();
}
