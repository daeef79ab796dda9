// Every endpoint by address, for the OpenAPI document. routes.test.ts compares it with the files.

import * as events from '../events/route.ts';
import * as health from '../health/route.ts';
import * as overview from './overview/route.ts';
import * as recoveryPointsOneDiff from './recovery-points/[id]/diff/route.ts';
import * as recoveryPointsOneDownload from './recovery-points/[id]/download/route.ts';
import * as recoveryPointsOneEntries from './recovery-points/[id]/entries/route.ts';
import * as recoveryPointsOne from './recovery-points/[id]/route.ts';
import * as recoveryPoints from './recovery-points/route.ts';
import * as restoresPlansOne from './restores/plans/[id]/route.ts';
import * as restoresPlans from './restores/plans/route.ts';
import * as restores from './restores/route.ts';
import * as runsOneCancel from './runs/[id]/cancel/route.ts';
import * as runsOneLog from './runs/[id]/log/route.ts';
import * as runsOneRetry from './runs/[id]/retry/route.ts';
import * as runsOne from './runs/[id]/route.ts';
import * as runs from './runs/route.ts';
import * as session from './session/route.ts';
import * as sessionsOne from './sessions/[id]/route.ts';
import * as sessions from './sessions/route.ts';
import * as setup from './setup/route.ts';
import * as sourcesOneBackups from './sources/[id]/backups/route.ts';
import * as sourcesOne from './sources/[id]/route.ts';
import * as sources from './sources/route.ts';
import * as vaultsOneChecks from './vaults/[id]/checks/route.ts';
import * as vaultsOneRecoveryKit from './vaults/[id]/recovery-kit/route.ts';
import * as vaultsOne from './vaults/[id]/route.ts';
import * as vaults from './vaults/route.ts';
import * as workersOneFolders from './workers/[id]/folders/route.ts';
import * as workersOne from './workers/[id]/route.ts';
import * as workers from './workers/route.ts';

export const ROUTES: Record<string, object> = {
  '/api/events': events,
  '/api/health': health,
  '/api/v1/overview': overview,
  '/api/v1/recovery-points': recoveryPoints,
  '/api/v1/recovery-points/{id}': recoveryPointsOne,
  '/api/v1/recovery-points/{id}/diff': recoveryPointsOneDiff,
  '/api/v1/recovery-points/{id}/download': recoveryPointsOneDownload,
  '/api/v1/recovery-points/{id}/entries': recoveryPointsOneEntries,
  '/api/v1/restores': restores,
  '/api/v1/restores/plans': restoresPlans,
  '/api/v1/restores/plans/{id}': restoresPlansOne,
  '/api/v1/runs': runs,
  '/api/v1/runs/{id}': runsOne,
  '/api/v1/runs/{id}/cancel': runsOneCancel,
  '/api/v1/runs/{id}/log': runsOneLog,
  '/api/v1/runs/{id}/retry': runsOneRetry,
  '/api/v1/session': session,
  '/api/v1/sessions': sessions,
  '/api/v1/sessions/{id}': sessionsOne,
  '/api/v1/setup': setup,
  '/api/v1/sources': sources,
  '/api/v1/sources/{id}': sourcesOne,
  '/api/v1/sources/{id}/backups': sourcesOneBackups,
  '/api/v1/vaults': vaults,
  '/api/v1/vaults/{id}': vaultsOne,
  '/api/v1/vaults/{id}/checks': vaultsOneChecks,
  '/api/v1/vaults/{id}/recovery-kit': vaultsOneRecoveryKit,
  '/api/v1/workers': workers,
  '/api/v1/workers/{id}': workersOne,
  '/api/v1/workers/{id}/folders': workersOneFolders,
};
