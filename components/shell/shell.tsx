'use client';

import { type ReactNode, useCallback, useState } from 'react';
import { LiveNews } from '#lib/client/live/provider.tsx';
import type { SessionView } from '#lib/contracts/access.ts';
import { ConnectionNotice } from './connection-notice.tsx';
import { Palette } from './palette.tsx';
import { PhoneBar } from './phone-bar.tsx';
import { rememberRail } from './preferences.ts';
import { Rail } from './rail.tsx';
import { SessionSeed } from './session-seed.tsx';
import { Shortcuts } from './shortcuts.tsx';
import { WorkStrip } from './work-strip.tsx';

/** The frame of every signed-in page. */
export function Shell({
  narrowRail,
  session,
  children,
}: {
  narrowRail: boolean;
  session: SessionView;
  children: ReactNode;
}) {
  const [narrow, setNarrow] = useState(narrowRail);
  const [palette, setPalette] = useState(false);
  const openPalette = useCallback(() => setPalette(true), []);
  const toggleRail = useCallback(() => {
    setNarrow((now) => {
      rememberRail(!now);
      return !now;
    });
  }, []);
  return (
    <SessionSeed session={session}>
      <LiveNews />
      <a
        href="#main"
        className="fixed top-2 left-2 z-60 -translate-y-16 rounded-md bg-accent-fill px-3 py-2 text-on-accent focus:translate-y-0"
      >
        Skip to the content
      </a>
      <div className="flex min-h-dvh">
        <Rail narrow={narrow} onToggle={toggleRail} onSearch={openPalette} />
        <div className="flex min-w-0 flex-1 flex-col">
          <ConnectionNotice />
          <main
            id="main"
            tabIndex={-1}
            className="mx-auto w-full max-w-[1440px] flex-1 px-4 pt-5 pb-[calc(5rem+var(--strip,0px))] outline-none md:px-8 md:pt-6 md:pb-[calc(3rem+var(--strip,0px))]"
          >
            {children}
          </main>
        </div>
      </div>
      <WorkStrip />
      <PhoneBar onSearch={openPalette} />
      <Palette open={palette} onOpenChange={setPalette} />
      <Shortcuts onPalette={openPalette} onToggleRail={toggleRail} />
    </SessionSeed>
  );
}
