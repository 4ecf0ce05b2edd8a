// A listing as XML, with every element that clients insist on: v3io-py reads Name, NextMarker, MaxKeys and
// IsTruncated of each, v3io-go wants times, mode and inode of directories only with `prefix-info`. Sources:
// Iguazio, Working with Containers; v3io-py output.py; v3io-go types.go and sync_test.go, validateContent.
import { utf8 } from "../codec/bytes.ts";
import { fileMode, inodeOf } from "../items/item.ts";
import type { ItemTime } from "../core/itemTypes.ts";
import { respond } from "../http/reply.ts";
import type { Entry, Listing, ListRequest } from "./listing.ts";

/** drwxrwxr-x. */
const directoryMode = 0o40775;

export function listingResponse(request: ListRequest, listing: Listing): Promise<Response> {
  const { container, directory, marker, keysMax, withInfo } = request;
  const { entries, isTruncated, nextMarker } = listing;
  return xmlResponse(
    `<ListBucketResult><Name>${escapeXml(container)}</Name>` +
      `<Prefix>${escapeXml(directory === "" ? "" : `${directory}/`)}</Prefix>` +
      `<Marker>${escapeXml(marker)}</Marker><Delimiter>/</Delimiter>` +
      `<NextMarker>${escapeXml(nextMarker)}</NextMarker><MaxKeys>${keysMax}</MaxKeys>` +
      `<IsTruncated>${isTruncated}</IsTruncated>` +
      `${entries.map((entry) => elementOf(entry, withInfo)).join("")}</ListBucketResult>`,
  );
}

export function xmlResponse(body: string): Promise<Response> {
  return respond(utf8(body), {
    headers: { "content-type": "application/xml", "cache-control": "no-store" },
  });
}

export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function elementOf(entry: Entry, withInfo: boolean): string {
  const { key, bytes, lastSequence, time } = entry;
  const info = withInfo ? infoOf(entry) : "";
  const modified = `<LastModified>${dateOf(time)}</LastModified>`;
  if (bytes === undefined) {
    const all = withInfo ? modified + info + streamInfoOf(entry) : "";
    return `<CommonPrefixes><Prefix>${escapeXml(key)}</Prefix>${all}</CommonPrefixes>`;
  }
  const last =
    lastSequence === undefined
      ? ""
      : `<LastSequenceId>${lastSequence}</LastSequenceId>` +
        `<LastSequenceID>${lastSequence}</LastSequenceID>`;
  return (
    `<Contents><Key>${escapeXml(key)}</Key><Size>${bytes}</Size>${last}${modified}${info}` +
    "</Contents>"
  );
}

/** The mode that real servers show: every caller with permission may read and write. */
function infoOf({ key, time, born, bytes }: Entry): string {
  const mode = bytes === undefined ? directoryMode : fileMode;
  return (
    `<AccessTime>${dateOf(time)}</AccessTime><CreatingTime>${dateOf(born)}</CreatingTime>` +
    `<Mode>0${mode.toString(8)}</Mode><GID>0</GID><UID>0</UID>` +
    `<InodeNumber>${inodeOf(key)}</InodeNumber>`
  );
}

function streamInfoOf({ stream }: Entry): string {
  if (stream === undefined) return "";
  const { shardCount, retentionHours: hours } = stream;
  return (
    `<ShardCount>${shardCount}</ShardCount><RetentionPeriodHours>${hours}</RetentionPeriodHours>` +
    `<RetentionPeriodSec>${hours * 3600}</RetentionPeriodSec>`
  );
}

function dateOf({ seconds, nanoseconds }: ItemTime): string {
  const hundredths = Math.floor(nanoseconds / 10_000_000);
  const [date] = new Date(seconds * 1000).toISOString().split(".");
  return `${date}.${String(hundredths).padStart(2, "0")}Z`;
}
