//! [`Fault`]: the ways in which a transport or a timer is broken.

/// How a transport or a timer breaks the contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    // Reading.
    SkipsEmptyMessages,
    SplitsMessages,
    ReportsPingsLate,
    StopsAtPings,
    HidesPings,
    HidesPongs,
    DropsTheFirstFrame,
    HidesErrors,
    HasOtherErrors,
    ReportsForbiddenCodes,
    ReportsAfterTheEnd,
    // Writing.
    ChangesMessages,
    DropsPings,
    AnswersPings,
    CutsLargeMessages,
    AcceptsEverything,
    EndsReadingWithWriting,
    WritesAfterAFailure,
    NeverWrites,
    // Closing.
    HidesCloseFrames,
    InventsCloseCodes,
    StopsAtCloseFrames,
    EndsAtCloseFrames,
    HidesTheEnd,
    DropsCloseFrames,
    SendsAfterTheClose,
    RefusesASecondClose,
    DiscardsAfterTheClose,
    // Polling.
    PollsForLong,
    ForgetsToWake,
    KeepsTheFirstReader,
    KeepsTheFirstWriter,
    // Numbers.
    ForgetsNumbers,
    DecreasesNumbers,
    CountsNothing,
    AcknowledgesNothing,
    EndsWhenItShrinks,
    // Drops.
    FlushesWhenDropped,
    BlocksWhenDropped,
    WritesAfterTheDrop,
    // Attempts.
    ConnectsOnce,
    ConnectsUnpolled,
    KeepsAttempts,
    AcceptsRefusals,
    ForgetsAnswers,
    // Timers.
    SleepsLong,
    EndsSleepsAtOnce,
    GoesBackward,
    EndsTheLastSleep,
    KeepsTheFirstSleeper,
    IsNotRandom,
}
