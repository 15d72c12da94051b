import { useEffect, useState } from 'preact/hooks';

import { hrefOf } from '../route';

/** Goes to the page of the user whose id is typed. */
export function Find({ id }: { id: string | null }) {
  const [typed, type] = useState(id ?? '');
  useEffect(() => type(id ?? ''), [id]);
  const submit = (event: Event) => {
    event.preventDefault();
    if (typed.trim() !== '') location.hash = hrefOf('users', typed.trim());
  };
  return (
    <form class="find" role="search" onSubmit={submit}>
      <label>
        User id
        <input name="user" type="search" required autocomplete="off" spellcheck={false} autocapitalize="off" value={typed} onInput={(e) => type(e.currentTarget.value)} />
      </label>
      <button type="submit" class="main">Show</button>
    </form>
  );
}
