import { useState } from 'react';
import type { User } from '../session/store';
import { AccountButton } from './AccountButton';
import { CodeProblem } from './CodeProblem';
import classes from './Layout.module.css';
import { useCode } from './useCode';

/** The menu with the name of the user, the appearance, and the sign-out. Its code is loaded when it is first opened. */
export function AccountMenu({ user }: { user: User }) {
  const [isWanted, setWanted] = useState(false);
  const load = () => import('./AccountMenuContent');
  const { data, error, isFetching, refetch } = useCode('account menu', load, isWanted);
  if (data && isWanted) return <data.AccountMenuContent user={user} />;
  return (
    <>
      <AccountButton
        user={user}
        loading={isFetching}
        onClick={() => {
          setWanted(true);
          if (error) refetch();
        }}
      />
      {error && !isFetching && (
        <div className={classes.problem}>
          <CodeProblem error={error} onAgain={refetch} />
        </div>
      )}
    </>
  );
}
