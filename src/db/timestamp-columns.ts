/** Points in time as Kysely sees them: read as a `Date`, written as one or as text. */
import type { ColumnType } from 'kysely';

/** A point in time that is always given. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>;

/** A point in time that the database sets where none is given. */
export type GeneratedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>;
