import { useLocation } from 'wouter';
import { PageHeader } from '../../components/PageHeader';
import { ImportReport } from './ImportReport';
import { ImportStart } from './ImportStart';
import { PlanPage } from './PlanPage';

/** The routes `/import`, `/import/PLAN` and `/import/job/JOB`. The last two survive a reload. */
export default function Import() {
  const [location] = useLocation();
  const [, , first = '', second = ''] = location.split('/');
  return (
    <>
      <PageHeader
        title="Import"
        lead="Import a file into a table. First you see a plan of the changes. Nothing changes before you confirm it."
      />
      {first === '' && <ImportStart />}
      {first === 'job' && <ImportReport id={second} />}
      {first !== '' && first !== 'job' && <PlanPage key={first} id={first} />}
    </>
  );
}
