// The frame of every page: where one is, who one is, and the page itself.
import { useEffect, useState } from "preact/hooks";
import { anonymous, credentials, isRefused, signOut } from "../api/session.ts";
import { ServerPage } from "../charts/ServerPage.tsx";
import { StreamPage } from "../stream/StreamPage.tsx";
import { StreamsPage } from "../streams/StreamsPage.tsx";
import { Link } from "../ui/parts.tsx";
import { route, serverPath, streamsPath } from "./route.ts";
import { SignIn } from "./SignIn.tsx";

export function App() {
  const shown = route.value;
  const [isAsking, setAsking] = useState(false);
  const keys = credentials.value;
  const mustSignIn = isRefused.value;
  useEffect(() => setAsking(false), [keys]);
  useEffect(() => {
    document.title = shown.page === "stream" ? `${shown.stream} · Millrace` : "Millrace";
  }, [shown]);
  return (
    <>
      <header class="top">
        <Link to={streamsPath()} class="brand">
          <Wheel /> Millrace
        </Link>
        <nav aria-label="breadcrumb" class="crumbs">
          <Link to={streamsPath()} current={shown.page === "streams"}>
            Streams
          </Link>
          {shown.page === "stream" && (
            <>
              <span aria-hidden="true">/</span>
              <b>{shown.stream}</b>
            </>
          )}
        </nav>
        <Link to={serverPath()} class="quiet-link" current={shown.page === "server"}>
          Server
        </Link>
        <div class="who">
          <span class="muted">{location.host}</span>
          {mustSignIn || isAsking ? null : keys === anonymous ? (
            <button class="quiet" onClick={() => setAsking(true)}>
              sign in
            </button>
          ) : (
            <>
              <span>
                {keys.accessKeyId} <span class="muted">{keys.region}</span>
              </span>
              <button class="quiet" onClick={signOut}>
                sign out
              </button>
            </>
          )}
        </div>
      </header>
      <main>
        {mustSignIn || isAsking ? (
          <SignIn wasRefused={mustSignIn} close={mustSignIn ? undefined : () => setAsking(false)} />
        ) : shown.page === "server" ? (
          <ServerPage />
        ) : shown.page === "stream" ? (
          <StreamPage key={`${keys.accessKeyId}/${keys.region}/${shown.stream}`} {...shown} />
        ) : (
          <StreamsPage key={`${keys.accessKeyId}/${keys.region}`} />
        )}
      </main>
    </>
  );
}

function Wheel() {
  return (
    <svg class="wheel" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="7" />
      <circle cx="12" cy="12" r="2" />
      {[0, 45, 90, 135].map((angle) => (
        <path key={angle} d="M12 1.5v21" transform={`rotate(${angle} 12 12)`} />
      ))}
    </svg>
  );
}
